"""How commands look: help without arguments, an error as one message on stderr, never a trace."""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from services.operations.errors import exit_code, sentence

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


class Commands(TyperGroup):
    """A group of commands that says what went wrong in one message. Exit code 2: it was given what it cannot take; 1:
    it did not work; 130: it was interrupted.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complaints.print("Stopped.")
            raise typer.Exit(130) from None
        except Exception as error:
            said = sentence(error)
            if said is None:
                raise
            complaints.print("[bold red]Error:[/]", end=" ")
            complaints.print(said, markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(error)) from None
