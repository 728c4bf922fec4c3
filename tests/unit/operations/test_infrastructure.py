"""What a laptop's system stands on."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.operations.errors import Trouble
from services.operations.infrastructure import Ground, laid
from services.operations.laptop import DatabaseKind, State


@pytest.mark.parametrize("database", DatabaseKind)
async def test_nothing_is_started_on_a_disk_that_is_nearly_full(
    database: DatabaseKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=49 * 2**20))
    said: list[str] = []

    with pytest.raises(Trouble, match=f"49 MB are free in {tmp_path}: make some room"):
        async with laid(Ground(state=State(tmp_path), database=database), [], {}, said.append):
            pass

    assert said == []
