"""A QR code as one path of rectangles: a run of dark modules in a row is one rectangle."""

from functools import cache
from itertools import groupby

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET_ZONE = 4
"""Modules that stay light on every side (ISO/IEC 18004, 5.3.8)."""

# Any mask is readable; the search for the prettiest of the eight takes three quarters of the time of a ticket.
_MASK = 3


def qr_modules(text: str) -> list[list[bool]]:
    """The modules row by row, dark ones true, without a quiet zone. `text` is of QR's alphanumeric alphabet."""
    code = qrcode.QRCode(_version(len(text)), error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(text, optimize=0)
    code.make(fit=False)
    return code.get_matrix()


@cache
def _version(length: int) -> int:
    """The smallest version that holds so many characters; looked for once, since all tokens have one length."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data("A" * length, optimize=0)
    return code.best_fit()


def qr_path(modules: list[list[bool]], x: float, y: float, side: float) -> str:
    """PDF operators that fill the code; `x`, `y` its lower left corner and `side` its length, in points."""
    size = len(modules)
    operators = [f"q {side / size:.5f} 0 0 {side / size:.5f} {x:.3f} {y:.3f} cm"]
    for bottom, row in enumerate(reversed(modules)):
        left = 0
        for dark, group in groupby(row):
            length = len(list(group))
            if dark:
                operators.append(f"{left} {bottom} {length} 1 re")
            left += length
    return " ".join(operators) + " f Q"
