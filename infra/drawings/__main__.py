"""``python -m infra.drawings``: write the pictures' ``.drawio`` files, and export each as SVG and PNG."""

import sys
from pathlib import Path

from infra.drawings.architecture import architecture
from infra.drawings.drawio import xml
from infra.drawings.export import CannotExportError, export
from infra.drawings.network import network

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def sources() -> dict[Path, str]:
    """Every ``.drawio`` file, and what it should contain."""
    return {IMAGES / f"{picture.name}.drawio": xml(picture) for picture in (architecture(), network())}


def main() -> None:
    """Write all of them, and say what was written."""
    for path, content in sources().items():
        path.write_text(content, encoding="utf-8")
        sys.stdout.write(f"wrote {path.name}\n")
    for path in export(list(sources())):
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    try:
        main()
    except CannotExportError as missing:
        sys.exit(str(missing))
