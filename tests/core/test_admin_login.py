"""The pages of signing in and out, as a browser without scripts uses them."""

from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("door")) as opened:
        yield opened


async def test_sign_in_look_round_and_sign_out(gate):
    email = await gate.user("staff")
    browser = Browser(gate)
    away = await browser.get("/app/")
    assert (away.status_code, away.headers["location"]) == (303, "/app/login/")
    answer = await browser.login(email)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/")
    home = await browser.get("/app/")
    assert home.status_code == 200
    assert email in home.text
    out = await browser.post("/app/logout/", page="/app/")
    assert out.headers["location"] == "/app/login/?notice=signed_out"
    assert browser.secret is None
    assert not await browser.inside()
