"""A purchase where the services verify access tokens themselves, as they do on AWS."""

from pathlib import Path

from tests.e2e.box_office import BoxOffice, client_of
from tests.e2e.conftest import SETTINGS
from tests.e2e.system import System, a_folder, running
from tests.eventually import eventually
from tests.issuer import ISSUER, Issuer


def bearer(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token()}"}


async def test_who_has_a_token_buys_and_enters_also_after_its_issuers_keys_have_changed(tmp_path: Path) -> None:
    issuer, keys = Issuer(), tmp_path / "jwks.json"
    keys.write_bytes(issuer.jwks())
    verified = {"BILHETAGEM_JWKS_URL": keys.as_uri(), "BILHETAGEM_JWT_ISSUER": ISSUER}
    with a_folder() as folder, running(System(folder, settings=SETTINGS | verified)) as system:
        async with client_of(system, headers=bearer(issuer)) as client:
            office = BoxOffice(client, system.secrets["BILHETAGEM_OPERATORS_SECRET"])
            await office.schedule()
            order = await office.buy(await office.put_on_sale(5))
            await office.order_becomes(order, "completed")
            [ticket] = (await office.get(f"/tickets/issued?order_id={order}"))["items"]
            assert (await client.get(f"/tickets/{ticket['id']}/pdf")).content.startswith(b"%PDF")
            assert (await office.check_in(ticket["id"])).status_code == 200
            issuer.rotate()
            keys.write_bytes(issuer.jwks())
            client.headers.update(bearer(issuer))
            await eventually(lambda: client.get(f"/orders/{order}"), until=lambda answer: answer.status_code == 200)
            del client.headers["Authorization"]
            refused = await client.get(f"/orders/{order}")
            assert (refused.status_code, refused.json()["slug"]) == (401, "unauthorized")
