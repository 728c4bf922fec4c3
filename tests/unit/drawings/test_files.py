"""What is in docs/images is what the code draws now, and no export is older than what it was made from."""

import dataclasses
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.product import ProductsAllocated
from contracts.user import UserErased
from infra.drawings.__main__ import IMAGES, sources
from infra.drawings.architecture import STEPS, architecture
from infra.drawings.drawio import xml
from infra.drawings.export import CannotExportError, digest, drawn_from, export
from infra.drawings.parts import Picture

ROOT = Path(__file__).parents[3]
STALE = "is not what the code draws: `make drawings` writes it again"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_the_source_is_what_the_code_draws(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == sources()[path], f"{path.name} {STALE}"


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_the_export_is_of_the_source(path: Path, suffix: str) -> None:
    assert drawn_from(path.with_suffix(suffix)) == digest(sources()[path]), f"{path.stem}{suffix} {STALE}"


@pytest.mark.parametrize("suffix", [".drawio", ".svg", ".png"])
@pytest.mark.parametrize("name", ["architecture", "network"])
def test_no_file_links_to_a_machine(name: str, suffix: str) -> None:
    content = (IMAGES / name).with_suffix(suffix).read_bytes()
    for trace in (b"file:", b"/home/", b"/tmp/", b"/usr/", str(ROOT).encode()):
        assert trace not in content


@pytest.mark.parametrize("name", ["architecture", "network"])
def test_an_svg_has_its_texts_as_text_and_asks_nothing_of_the_network(name: str) -> None:
    root = ElementTree.parse(IMAGES / f"{name}.svg").getroot()
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "text" in tags
    assert not tags & {"foreignObject", "image", "script", "style"}


def test_a_changed_source_makes_an_export_stale(tmp_path: Path) -> None:
    drawn = (IMAGES / "architecture.svg").read_text()
    stale = tmp_path / "architecture.svg"
    stale.write_text(drawn.replace(digest(xml(architecture())), digest("another")))
    assert drawn_from(stale) == digest("another")
    stale.write_text("<svg/>")
    assert drawn_from(stale) is None


def test_the_same_picture_is_the_same_bytes() -> None:
    assert xml(architecture()) == xml(architecture())


def test_the_guide_tells_the_picture_s_steps() -> None:
    guide = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.findall(r"^(\d+)\. \*\*(.+)\.\*\*", guide, re.MULTILINE)
    assert told == [(str(number), caption) for number, caption in enumerate(STEPS, start=1)]


def texts(picture: Picture) -> set[str]:
    return {part.id for part in picture.parts}


def test_a_new_row_shows() -> None:
    """Were the product service to hear newcomers, it would have a chip in that lane."""
    row = Step(ProductsAllocated, "product", newcomer=True)
    assert texts(architecture((*CHOREOGRAPHY, row))) - texts(architecture()) == {"product-new"}


def test_a_service_that_hears_nothing_is_dashed() -> None:
    def look(picture: Picture) -> str:
        return xml(dataclasses.replace(picture)).split('id="workers-user"')[1].split("/>")[0]

    assert "dashed=1" in look(architecture())
    assert "dashed=1" not in look(architecture((*CHOREOGRAPHY, Step(UserErased, "user"))))


def test_without_chromium_the_export_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CannotExportError, match="apt install chromium"):
        export([])


def test_without_the_viewer_the_export_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/true")
    monkeypatch.setattr("infra.drawings.export.VIEWER", tmp_path / "nowhere")
    with pytest.raises(CannotExportError, match="make drawings"):
        export([])
