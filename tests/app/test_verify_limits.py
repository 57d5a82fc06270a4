"""The customer's page at a site without calibrated points: it checks all the same, and who sends or guesses much has to wait."""

from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from tests import signed_samples as samples

from chargebridge.app.web import Access
from chargebridge.app.web.verify_page import verifying


async def test_who_sends_many_has_to_wait() -> None:
    now = [0.0]
    site: Any = SimpleNamespace(proof=None)
    app = FastAPI()
    app.include_router(verifying(site, Access("unused", monotonic=lambda: now[0])))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as client:
        key = samples.public().spki().hex()
        checked = await client.post("/verify", files=[("files", ("bill", samples.session()))], data={"key": key})
        assert "The session holds." in checked.text
        said = [(await client.post("/verify")).status_code for _ in range(60)]
        assert said == [422] * 59 + [429]
        guesses = [(await client.get(f"/verify/{number}")).status_code for number in range(21)]
        assert guesses == [404] * 20 + [429]
        now[0] = 301.0
        assert (await client.post("/verify")).status_code == 422
        assert (await client.get("/verify/1")).status_code == 404
