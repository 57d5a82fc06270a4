"""Logins, keys and the slowing down of guesses."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware

from chargebridge.app.web.access import Access, AccessError, Gate, same_secret
from chargebridge.app.web.doors import doors
from chargebridge.store.passwords import hash_password

PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)


class Ticking:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class NoPages:
    def __init__(self) -> None:
        self.ended: list[str] = []

    def end_login(self, login: str) -> None:
        self.ended.append(login)


def test_a_gate_closes_after_its_tries_and_opens_when_they_are_old() -> None:
    clock = Ticking()
    gate = Gate(clock, tries=3, window_s=60)
    for _ in range(3):
        assert gate.wait_s("192.0.2.1") == 0
        gate.attempt("192.0.2.1")
        clock.now += 1
    assert gate.wait_s("192.0.2.1") == pytest.approx(57)
    assert gate.wait_s("192.0.2.2") == 0
    clock.now += 57.1
    assert gate.wait_s("192.0.2.1") == 0


def test_a_success_clears_and_one_ipv6_network_counts_as_one() -> None:
    gate = Gate(Ticking(), tries=1)
    gate.attempt("2001:db8::1")
    assert gate.wait_s("2001:db8::ffff:1") > 0
    assert gate.wait_s("2001:db8:0:1::1") == 0
    gate.cleared("2001:db8::2")
    assert gate.wait_s("2001:db8::1") == 0


def test_a_gate_remembers_only_so_many() -> None:
    gate = Gate(Ticking(), tries=1)
    for i in range(10_001):
        gate.attempt(f"host-{i}")
    assert gate.wait_s("host-0") == 0
    assert gate.wait_s("host-10000") > 0


def test_a_login_ends_for_good_and_with_the_password() -> None:
    access = Access(HASH)
    cookie: dict[str, Any] = {}
    assert access.login_of(cookie) is None
    access.begin(cookie)
    copy = dict(cookie)
    assert access.login_of(cookie) == cookie["login"]
    assert Access(hash_password("another")).login_of(cookie) is None
    assert access.end(cookie) == copy["login"]
    assert cookie == {}
    assert access.login_of(copy) is None
    assert access.end(copy) is None


def test_tokens_and_secrets() -> None:
    assert not Access(HASH).is_owner_token("")
    assert Access(HASH, api_token="abc").is_owner_token("abc")
    assert not Access(HASH, api_token="abc").is_owner_token("ab")
    assert not same_secret("", "x")
    with pytest.raises(AccessError, match="shorter than 16"):
        Access(HASH, session_secret="short")
    assert "abc" not in repr(Access(HASH, api_token="abc"))


async def test_wrong_passwords_close_the_door_for_a_while_even_for_the_right_one() -> None:
    clock, pages = Ticking(), NoPages()
    access = Access(HASH, monotonic=clock)
    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=access.session_secret)
    app.include_router(doors(access, pages))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
        for _ in range(8):
            assert (await client.post("/login", data={"password": "wrong"})).status_code == 401
        refused = await client.post("/login", data={"password": PASSWORD})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 200
        assert "try again in 5 min" in refused.text
        clock.now += 301
        assert (await client.post("/login", data={"password": PASSWORD})).headers["location"] == "/"
        assert (await client.get("/login")).headers["location"] == "/"
        assert (await client.post("/logout")).headers["location"] == "/login"
        assert len(pages.ended) == 1
        assert (await client.get("/login")).status_code == 200
