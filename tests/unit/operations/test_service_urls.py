"""Where the gateway finds the services: what its --services options say."""

import pytest

from contracts.routes import SERVICES
from services.operations.deployment import service_urls
from services.operations.errors import BadInput, Trouble


def test_one_url_with_the_services_name_in_it_is_enough() -> None:
    assert service_urls(["http://{service}:8000"]) == {name: f"http://{name}:8000" for name in SERVICES}


def test_a_services_own_url_wins() -> None:
    urls = service_urls(["order=http://127.0.0.1:1", "http://{service}:8000"])

    assert urls["order"] == "http://127.0.0.1:1"
    assert urls["user"] == "http://user:8000"


def test_each_service_can_have_its_own() -> None:
    own = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SERVICES, 8001)}

    assert service_urls([f"{name}={url}" for name, url in own.items()]) == own


def test_a_service_without_a_url_is_named() -> None:
    with pytest.raises(Trouble, match=r"No URL is given for event, payment, product, reservation, ticket, user\."):
        service_urls(["order=http://127.0.0.1:1"])


@pytest.mark.parametrize("text", ["http://localhost:8000", "orders=http://localhost:8000"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(Trouble, match=r"is neither a URL with \{service\} in it nor NAME=URL"):
        service_urls([text])


@pytest.mark.parametrize("text", ["{service}:8000", "http://{service}:port", "ftp://{service}"])
def test_what_is_no_url_is_refused_with_whose_it_is(text: str) -> None:
    with pytest.raises(BadInput, match=r"The URL of user, .*, should be one such as http://HOST:PORT\."):
        service_urls([text])
