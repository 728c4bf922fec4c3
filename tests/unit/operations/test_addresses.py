"""Where a system listens on a laptop, as its URLs say it."""

import pytest

from services.operations.addresses import taking


@pytest.mark.parametrize(("host", "written"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_an_address_is_in_urls_as_urls_write_it(host: str, written: str) -> None:
    with taking(host, 0) as taken:
        addresses = taken.addresses

    assert addresses.base_url == f"http://{written}:{addresses.base}"
    assert addresses.ingress_url("order") == f"http://{written}:{addresses.ingresses['order']}"
    assert addresses.worker_url("order") == f"http://{written}:{addresses.workers['order']}"
