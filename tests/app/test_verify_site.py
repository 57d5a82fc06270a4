"""The link on an invoice at a whole site with a station that signs: made anew each time, with the key of the site's own register."""

import re
import sqlite3
from pathlib import Path

import httpx
from fastapi import FastAPI
from tests.site.proof_kit import KEY, charging

from chargebridge.app.web import Access
from chargebridge.app.web.proving import proving
from chargebridge.app.web.verify_page import verifying


async def test_a_session_is_checked_behind_its_link_and_in_its_file(tmp_path: Path) -> None:
    async with charging(tmp_path) as made:
        number = await made.begin()
        app, access = FastAPI(), Access("unused")
        app.include_router(verifying(made.site.site.service, access))
        app.include_router(proving(made.site.site.service, access))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as client:
            early = await made.proof(number)
            assert "Still charging" in (await client.get(f"/verify/{early.id}")).text
            await made.end()
            proof = await made.proof(number)
            shown = (await client.get(f"/verify/{proof.id}")).text
            assert shown.count("✓") == 4
            assert "2.500 kWh" in shown
            assert f"/proof/{proof.id}.xml" in shown
            file = (await client.get(f"/proof/{proof.id}.xml")).content
            without_key = re.sub(rb"<publicKey.*?</publicKey>", b"", file)
            assert without_key != file
            checked = (await client.post("/verify", files={"files": ("bill.xml", without_key)})).text
            assert "The session holds." in checked
            assert "from the register" in checked
            assert KEY.fingerprint() in checked
            with sqlite3.connect(tmp_path / "site.db") as store:
                assert store.execute("update session set energy_wh = energy_wh + 1000").rowcount == 1
            changed = (await client.get(f"/verify/{proof.id}")).text
            assert "Does not hold" in changed
            assert changed.count("✗") == 1
            assert "Do not accept the bill as it stands" in changed
