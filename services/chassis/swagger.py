"""Swagger UI for API documents, from files of our own: it works without internet, and runs no one else's script."""

from pathlib import Path

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

ASSETS = Mount("/docs/assets", StaticFiles(directory=Path(__file__).parent / "swagger_ui"))
"""swagger-ui-dist 5.35.0 (Apache-2.0), as its makers published it."""


def swagger_page(title: str) -> Response:
    """The page at ``/docs`` for the document at ``/openapi.json``. Links are relative: there may be a prefix."""
    return get_swagger_ui_html(
        title=title,
        openapi_url="openapi.json",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon-32x32.png",
    )
