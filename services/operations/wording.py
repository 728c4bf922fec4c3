"""Numbers, spans of time and texts from outside, as commands and pages print them."""

from datetime import timedelta


def counted(number: int, one: str, many: str | None = None) -> str:
    """So many of something: ``1 message``, ``2 messages``, ``3 tries``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def times(number: int) -> str:
    """How often."""
    return {0: "never", 1: "once"}.get(number, f"{number} times")


def ago(span: timedelta) -> str:
    """A span of time in its largest unit: ``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(0, int(span.total_seconds()))
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def printable(text: str) -> str:
    """A text from outside, with nothing in it that a terminal would obey."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )
