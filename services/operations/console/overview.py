"""The first page: how the system is, at a glance and live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.operations.console.rendering import page
from services.operations.console.watching import Snapshot, Watch
from services.operations.purchases import STATES


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: ``share`` of the whole length, in percent."""

    name: str
    number: int
    share: float


async def overview(request: Request) -> Response:
    """The page, and what it asks for every two seconds."""
    watch: Watch = request.app.state.watch
    snapshot = await watch.snapshot()
    return page(
        request,
        "overview.html",
        live=True,
        now=snapshot,
        states=by_state(snapshot.states),
        bars=minutes(snapshot.handled),
        headline=headline(snapshot),
        still=sum(1 for queue in snapshot.queues if not (queue.counts.all or queue.dead)),
    )


def headline(snapshot: Snapshot) -> str:
    """The state of the whole in a sentence."""
    if snapshot.is_empty:
        return "Ready for the first sale"
    wrong = [
        *([f"{len(snapshot.silent)} silent"] if snapshot.silent else []),
        *([f"{snapshot.how_many_stuck} stuck"] if snapshot.stuck else []),
        *([f"{snapshot.dead} dead-lettered"] if snapshot.dead else []),
    ]
    return f"Needs a look: {', '.join(wrong)}" if wrong else "Everything is moving"


def by_state(states: Mapping[str, int]) -> Sequence[Bar]:
    """Purchases by state, in the order of a purchase's life."""
    most = max(states.values(), default=1)
    ordered = sorted(states, key=lambda state: (STATES.index(state) if state in STATES else len(STATES), state))
    return [Bar(state, states[state], round(100 * states[state] / most, 1)) for state in ordered]


def minutes(handled: Sequence[int]) -> Sequence[Bar]:
    """Messages a minute, the newest last."""
    most = max(handled, default=0) or 1
    return [
        Bar(f"{back} min ago" if back else "this minute", number, round(100 * number / most, 1))
        for back, number in zip(reversed(range(len(handled))), handled, strict=True)
    ]
