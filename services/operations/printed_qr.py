"""Reads the QR code back out of a ticket's PDF, without a camera: its modules are rectangles of one vector path.

Nothing is damaged on the way, so nothing has to be corrected: the codewords are read as they are (ISO/IEC 18004).
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

import qrcode
from qrcode import base, util
from qrcode.constants import ERROR_CORRECT_M

_STREAM = re.compile(rb"stream\r?\n")
_PATH = re.compile(rb"cm((?: \d+ \d+ \d+ 1 re){50,}) f Q")
_RUN = re.compile(rb"(\d+) (\d+) (\d+) 1 re")
_MODE_ALPHANUMERIC: Final = 2
_SIZES: Final = range(21, 178, 4)
"""Modules on a side, from version 1 to 40 (ISO/IEC 18004, 6.3.1)."""
_LONGEST_PAGE: Final = 1024 * 1024
"""Our tickets' are some kilobytes. The file may be anybody's, and a little of it could unpack to all memory."""


class Unreadable(Exception):
    """There is no QR code of a ticket of ours in the file."""


def token_in(pdf: bytes) -> str:
    """The text of the QR code on a ticket. Raises Unreadable."""
    try:
        modules = _modules(pdf)
        return _text(_bits(_data_codewords(modules)), _version(len(modules)))
    except (ValueError, IndexError, StopIteration):
        raise Unreadable from None


def _contents(pdf: bytes) -> Iterator[bytes]:
    """What the file's compressed streams hold."""
    for part in pdf.split(b"endstream"):
        if begins := _STREAM.search(part):
            try:
                yield zlib.decompressobj().decompress(part[begins.end() :], _LONGEST_PAGE)
            except zlib.error:
                continue


def _modules(pdf: bytes) -> list[list[bool]]:
    for content in _contents(pdf):
        if path := _PATH.search(content):
            runs = [tuple(map(int, run)) for run in _RUN.findall(path[1])]
            size = 1 + max(bottom for _, bottom, _ in runs)
            if size not in _SIZES or any(left + length > size for left, _, length in runs):
                break
            modules = [[False] * size for _ in range(size)]
            for left, bottom, length in runs:
                modules[size - 1 - bottom][left : left + length] = [True] * length
            return modules
    raise Unreadable


def _version(size: int) -> int:
    return (size - 17) // 4


def _data_codewords(modules: list[list[bool]]) -> list[int]:
    """The data, put together again from the blocks among which it is spread."""
    raw = iter(_codewords(modules))
    counts = [block.data_count for block in base.rs_blocks(_version(len(modules)), ERROR_CORRECT_M)]
    blocks: list[list[int]] = [[] for _ in counts]
    for place in range(max(counts)):
        for block, count in zip(blocks, counts, strict=True):
            if place < count:
                block.append(next(raw))
    return [codeword for block in blocks for codeword in block]


def _codewords(modules: list[list[bool]]) -> list[int]:
    size = len(modules)
    # Bits 13 to 10 of the format information beside the upper left finder hold the mask, itself masked with 101.
    mask = (modules[8][2] << 2 | modules[8][3] << 1 | modules[8][4]) ^ 0b101
    flips = util.mask_func(mask)
    bits = [modules[row][column] ^ flips(row, column) for row, column in _data_places(size, mask)]
    return [_number(bits[start : start + 8]) for start in range(0, len(bits) - 7, 8)]


def _data_places(size: int, mask: int) -> Iterator[tuple[int, int]]:
    """Where data is: two columns at a time, from the right, up and down, past the patterns that every code has."""
    code = qrcode.QRCode(_version(size), error_correction=ERROR_CORRECT_M, border=0)
    code.modules_count = size
    code.modules = [[None] * size for _ in range(size)]
    for row, column in ((0, 0), (size - 7, 0), (0, size - 7)):
        code.setup_position_probe_pattern(row, column)
    code.setup_position_adjust_pattern()
    code.setup_timing_pattern()
    code.setup_type_info(False, mask)
    if _version(size) >= 7:
        code.setup_type_number(False)
    upwards = True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        for row in range(size - 1, -1, -1) if upwards else range(size):
            for column in (right, right - 1):
                if code.modules[row][column] is None:
                    yield row, column
        upwards = not upwards


def _bits(codewords: list[int]) -> Iterator[bool]:
    return (bool(codeword >> place & 1) for codeword in codewords for place in range(7, -1, -1))


def _text(bits: Iterator[bool], version: int) -> str:
    def take(count: int) -> int:
        return _number([next(bits) for _ in range(count)])

    if take(4) != _MODE_ALPHANUMERIC:
        raise Unreadable
    length = take(util.length_in_bits(_MODE_ALPHANUMERIC, version))
    alphabet = util.ALPHA_NUM.decode()
    text = ""
    for _ in range(length // 2):
        first, second = divmod(take(11), 45)
        text += alphabet[first] + alphabet[second]
    return text + (alphabet[take(6)] if length % 2 else "")


def _number(bits: list[bool]) -> int:
    number = 0
    for bit in bits:
        number = number << 1 | bit
    return number
