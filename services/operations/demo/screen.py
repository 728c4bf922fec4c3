"""What a spectator sees: a timeline of the saga, and, where there is a terminal, a table that changes below it."""

import time
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.operations.demo.news import Reaction

BUYERS = {"Ana": "green", "Bruno": "yellow", "Clara": "cyan"}
_COLUMNS = ("reservation", "order", "payment", "tickets")


class Screen:
    """Lines as things happen, each with the seconds since the beginning."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._whose: dict[str, str] = {}
        self._states: dict[str, dict[str, str]] = {buyer: {} for buyer in BUYERS}
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """What is done to the system."""
        self._line(Text(text, style="dim"))

    def tell(self, text: str) -> None:
        """What happens in the story."""
        self._line(Text(text, style="bold"))

    def begin(self) -> None:
        """From now on show the buyers' table, on a terminal."""
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, refresh_per_second=8)
            self._live.start()

    def follow(self, buyer: str, resource: str) -> None:
        """What is told of this resource is the buyer's story."""
        self._whose[resource] = buyer

    @property
    def followed(self) -> Collection[str]:
        """The resources that somebody follows."""
        return self._whose.keys()

    def status(self, buyer: str, **states: str) -> None:
        """Where a buyer's purchase stands."""
        self._states[buyer] |= states
        if self._live is not None:
            self._live.update(self._table())

    def happened(self, reaction: Reaction) -> None:
        """A service handled a message about a resource that is followed."""
        buyer = self._whose[reaction.correlation]
        line = Text(f"{buyer:6}", style=BUYERS[buyer])
        line.append(f"{reaction.service:12}", style="default")
        line.append(reaction.message, style="bold")
        if reaction.emitted:
            line.append(f" -> {', '.join(reaction.emitted)}", style="default")
        self._line(line)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def summary(self, lines: Sequence[tuple[str, str]]) -> None:
        """How it ended: names and values."""
        if not self._console.is_terminal:
            self._console.print(self._table())
        self._console.print()
        for name, value in lines:
            self._console.print(Text(f"{name:14}", style="bold").append(value, style="default"), soft_wrap=True)

    def _line(self, text: Text) -> None:
        elapsed = f"{time.monotonic() - self._begun:6.2f} s  "
        self._console.print(Text(elapsed, style="dim").append_text(text), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(title="The three purchases", title_justify="left")
        table.add_column("buyer")
        for column in _COLUMNS:
            table.add_column(column, min_width=10)
        for buyer, style in BUYERS.items():
            states = self._states[buyer]
            table.add_row(Text(buyer, style=style), *(states.get(column, "") for column in _COLUMNS))
        return table
