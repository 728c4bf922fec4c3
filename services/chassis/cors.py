"""What a browser's script from any site may send and read (https://fetch.spec.whatwg.org/#http-cors-protocol).

Any site may: no cookie is a credential here, so a site cannot act for a visitor who did not give it a token.
"""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

ORIGIN = "*"

REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "traceparent",
    "tracestate",
)
"""Request headers that clients use."""

RESPONSE_HEADERS = (
    "Allow",
    "Content-Disposition",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
)
"""Response headers that clients read."""

MAX_AGE_SECONDS = 600
"""How long a browser remembers a permission."""


def let_browsers_in(app: FastAPI) -> None:
    """Answer preflight requests, and tell a script what it may read. Behind API Gateway it answers the former."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[ORIGIN],
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
        max_age=MAX_AGE_SECONDS,
    )
