"""Waiting for what comes about by itself: asking until a deadline, never sleeping a fixed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually[Found](
    probe: Callable[[], Awaitable[Found]],
    *,
    until: Callable[[Found], object] = bool,
    seconds: float = 60,
    every: float = 0.05,
) -> Found:
    """What ``probe`` returns once ``until`` holds for it; it is asked again ``every`` so many seconds. Fails with the
    last answer when the deadline passes.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = await probe()
        if until(found):
            return found
        assert time.monotonic() < deadline, f"after {seconds} s still {found!r}"
        await asyncio.sleep(every)
