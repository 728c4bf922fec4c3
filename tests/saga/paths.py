"""A path of the saga is a story, told to a box office; each is tried under many schedules."""

from collections.abc import Awaitable, Callable

from tests.saga.box_office import BoxOffice
from tests.saga.invariants import check

SEEDS = range(50)

type Path = Callable[[BoxOffice], Awaitable[None]]


def among(paths: list[Path]) -> Callable[[Path], Path]:
    """A decorator that adds a story to these."""

    def add(story: Path) -> Path:
        paths.append(story)
        return story

    return add


async def under_many_schedules(story: Path) -> None:
    """Tell a story again and again, with deliveries shuffled, delayed and repeated, and sends that fail; the invariants
    are checked at each end.
    """
    for seed in SEEDS:
        office = BoxOffice(seed)
        try:
            await story(office)
            check(office)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
