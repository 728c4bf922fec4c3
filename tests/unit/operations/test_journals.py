"""Services asked for what they know: what is none of ours counts as one that does not answer."""

from uuid import UUID

import httpx
import pytest

from services.chassis.resends import Resend
from services.operations.journals import Journals, Silent

ID = UUID(int=1)


@pytest.fixture
def journals() -> Journals:
    """At the order service's URL there is a web site."""
    site = httpx.MockTransport(lambda _: httpx.Response(200, text="<h1>It works!</h1>"))
    return Journals({"order": httpx.AsyncClient(transport=site, base_url="http://site")}, set())


async def test_another_program_at_a_services_url_counts_as_silent(journals: Journals) -> None:
    assert await journals.about([str(ID)]) == {}
    assert await journals.correlation_of(ID) is None
    assert journals.silent == {"order"}


async def test_another_program_at_a_services_url_is_named(journals: Journals) -> None:
    with pytest.raises(Silent, match="What answers at http://site/operations/resend is not the order service"):
        await journals.resend("order", Resend(messages=[], facts=[]))
