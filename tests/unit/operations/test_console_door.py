"""Who gets into the console, and what every answer of it says to browsers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.operations.console.entering import PERIOD_SECONDS, TRIES, Entry
from services.operations.console.guarding import LONGEST_FORM, MOST_FIELDS, local_path
from services.operations.console.settings import ConsoleSettings, console_settings
from services.operations.errors import Trouble
from tests.unit.operations.console import PASSWORD, Browser, a_console

PAGES = ["/", "/purchases", "/dead-letters", "/search?q=1"]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with a_console(tmp_path) as browser:
        yield browser


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_sees_a_page_without_signing_in(browser: Browser, path: str) -> None:
    answer = await browser.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


async def test_a_page_that_refreshes_itself_is_led_to_the_login(browser: Browser) -> None:
    answer = await browser.get("/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


async def test_after_signing_in_one_is_where_one_wanted_to_be(browser: Browser) -> None:
    login = await browser.get((await browser.get("/purchases?state=held")).headers["location"])
    assert 'value="/purchases?state=held"' in login.text

    answer = await browser.post("/login", password=PASSWORD, next="/purchases?state=held")

    assert (answer.status_code, answer.headers["location"]) == (303, "/purchases?state=held")
    assert (await browser.get("/purchases")).status_code == 200


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "x", "/\n"])
def test_a_link_to_the_login_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == "/"


async def test_a_wrong_password_opens_nothing(browser: Browser) -> None:
    await browser.get("/login")

    answer = await browser.post("/login", password="guess")

    assert answer.status_code == 403
    assert "not the password" in answer.text
    assert (await browser.get("/")).status_code == 303


async def test_guessing_is_slowed_down_even_for_the_right_password(browser: Browser) -> None:
    await browser.get("/login")
    for _ in range(TRIES):
        assert (await browser.post("/login", password="guess")).status_code == 403

    answer = await browser.post("/login", password=PASSWORD)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= PERIOD_SECONDS + 1


def test_after_a_while_one_may_guess_again() -> None:
    now = 100.0
    entry = Entry(PASSWORD, clock=lambda: now)
    for _ in range(TRIES):
        assert not entry.admits(password="guess", once="")
    assert entry.wait_seconds() > 0

    now += PERIOD_SECONDS + 1

    assert entry.wait_seconds() == 0
    assert entry.admits(password=PASSWORD, once="")


async def test_a_link_signs_in_once(tmp_path: Path) -> None:
    entry = Entry(PASSWORD)
    once = str(entry.once)
    async with a_console(tmp_path, entry=entry) as browser:
        assert once in (await browser.get(f"/login?once={once}")).text  # looking at it uses nothing up
        assert (await browser.post("/login", once=once)).status_code == 303
        assert (await browser.get("/")).status_code == 200
    async with a_console(tmp_path, entry=entry) as other:
        await other.get(f"/login?once={once}")
        answer = await other.post("/login", once=once)

    assert answer.status_code == 403
    assert "has been used" in answer.text


@pytest.mark.parametrize(
    "path", ["/logout", "/dead-letters/redrive", "/dead-letters/x/edit", "/dead-letters/x/discard"]
)
async def test_a_form_without_our_token_does_nothing(browser: Browser, path: str) -> None:
    await browser.sign_in()

    assert (await browser.client.post(path, data={"csrf": "made up", "id": "x"})).status_code == 403
    assert (await browser.client.post(path, data={"id": "x"})).status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_a_form_from_another_site_does_nothing_even_with_the_token(browser: Browser) -> None:
    await browser.sign_in()

    answer = await browser.client.post("/logout", data={"csrf": browser.csrf}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403


async def test_a_form_that_never_ends_is_cut_off(browser: Browser) -> None:
    await browser.sign_in()

    answer = await browser.client.post("/logout", content=b"csrf=" + b"x" * LONGEST_FORM)

    assert answer.status_code == 413


async def test_who_signed_out_is_out_even_with_a_copy_of_the_cookie(browser: Browser) -> None:
    await browser.sign_in()
    copy = dict(browser.client.cookies)

    assert (await browser.post("/logout")).headers["location"] == "/login"
    browser.client.cookies.update(copy)

    assert (await browser.get("/")).status_code == 303


async def test_the_cookie_is_for_this_console_only(browser: Browser) -> None:
    said = (await browser.get("/login")).headers["set-cookie"].lower()

    assert said.startswith("bilhetagem_console_8008=")
    assert "httponly" in said
    assert "samesite=strict" in said


async def test_behind_tls_the_cookie_goes_over_tls_only(tmp_path: Path) -> None:
    async with a_console(tmp_path, settings=ConsoleSettings(https_only=True)) as browser:
        assert "secure" in (await browser.get("/login")).headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/login", "/", "/static/console.css", "/static/htmx.min.js", "/nothing"])
async def test_every_answer_keeps_foreign_code_and_frames_out(browser: Browser, path: str) -> None:
    headers = (await browser.get(path)).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_pages_stay_out_of_caches(browser: Browser) -> None:
    await browser.sign_in()

    assert (await browser.get("/purchases")).headers["cache-control"] == "no-store"


async def test_another_name_that_leads_here_is_refused(browser: Browser) -> None:
    answer = await browser.get("/login", headers={"Host": "rebound.example"})

    assert answer.status_code == 400
    assert "content-security-policy" in answer.headers


async def test_a_name_that_is_set_is_answered(tmp_path: Path) -> None:
    async with a_console(tmp_path, settings=ConsoleSettings(hosts=("console.example.com",))) as browser:
        assert (await browser.get("/login", headers={"Host": "console.example.com"})).status_code == 200


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILHETAGEM_CONSOLE_HOSTS", "console.example.com  10.0.0.7")
    monkeypatch.setenv("BILHETAGEM_CONSOLE_STUCK_AFTER", "PT90S")

    settings = console_settings()

    assert settings.hosts == ("console.example.com", "10.0.0.7")
    assert settings.stuck_after.total_seconds() == 90


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BILHETAGEM_CONSOLE_STUCK_AFTER", "soon"),
        ("BILHETAGEM_CONSOLE_HOSTS", "https://console.example.com"),
        ("BILHETAGEM_CONSOLE_HTTPS_ONLY", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(Trouble, match=variable):
        console_settings()


async def test_a_form_of_too_many_fields_is_refused_in_words(browser: Browser) -> None:
    await browser.sign_in()

    answer = await browser.client.post("/logout", content="csrf=x" + "&id=" * MOST_FIELDS)

    assert (answer.status_code, answer.text) == (413, "The form is too long.")


@pytest.mark.parametrize("host", ["127.0.0.1:8008", "localhost:8008", "[::1]:8008"])
async def test_this_machine_is_reached_by_each_of_its_own_names(browser: Browser, host: str) -> None:
    assert (await browser.get("/login", headers={"Host": host})).status_code == 200
