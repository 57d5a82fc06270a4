"""The customer's page at a site without calibrated points: it checks all the same, and who sends or guesses much has to wait."""

import time
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from tests import signed_samples as samples

from chargebridge.app.web import Access
from chargebridge.app.web.verify_page import WORK_MAX, verifying
from chargebridge.wire.signed.curves import BY_NAME
from chargebridge.wire.signed.keys import PublicKey

GENERATOR = (BY_NAME["secp224k1"].gx, BY_NAME["secp224k1"].gy)
SMALL = (BY_NAME["secp192k1"].gx, BY_NAME["secp192k1"].gy)


async def sent(*files: bytes | tuple[str, bytes], key: str = "") -> httpx.Response:
    site: Any = SimpleNamespace(proof=None)
    app = FastAPI()
    app.include_router(verifying(site, Access("unused")))
    named = [("files", file if isinstance(file, tuple) else ("bill", file)) for file in files]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as client:
        return await client.post("/verify", files=named, data={"key": key})


async def test_a_bill_and_its_signature_are_chosen_together() -> None:
    bill, signature = samples.chargepoint()
    key = samples.public().spki().hex()
    both = await sent(("secrrct.sign", signature), ("secrrct", bill), key=key)
    assert "The session holds." in both.text
    assert "secrrct.sign together" in (await sent(("secrrct", bill), key=key)).text


async def test_of_several_files_the_bad_one_is_named() -> None:
    answer = await sent(("good.xml", samples.session()), ("bad.xml", b"<values>"))
    assert (answer.status_code, "bad.xml, XML" in answer.text) == (422, True)


async def test_absurd_values_are_shown_and_no_more() -> None:
    huge = [samples.reading("B", "1") | {"RV": 1e15}, samples.reading("E", "1") | {"RV": 1e99, "EF": "<b>"}]
    answer = await sent(samples.ocmf(samples.payload(*huge, TT="|}" * 100)), key=samples.public().spki().hex())
    assert answer.status_code == 200
    wide = samples.bsm(4, 7, 1)
    wide["additionalValues"][1]["measuredValue"]["scale"] = wide["value"]["measuredValue"]["scale"] = 127
    assert "Does not hold" in (await sent(samples.chargeit(wide))).text


async def test_work_is_bounded() -> None:
    lines = b"\n".join([samples.session()] * (WORK_MAX + 1))
    assert "split it by transactions" in (await sent(lines)).text
    slow = PublicKey("secp224k1", *GENERATOR)
    bills = [one for _ in range(10) for one in (("secrrct", samples.chargepoint()[0]), ("secrrct.sign", samples.chargepoint()[1]))]
    answer = await sent(*bills, key=slow.spki().hex())
    assert (answer.status_code, "does not hold" in answer.text) == (200, True)
    slow_lines = b"\n".join([samples.session()] * 50)
    assert "split it by transactions" in (await sent(slow_lines, key=PublicKey("secp192k1", *SMALL).spki().hex())).text


async def test_no_file_takes_long() -> None:
    """Each of these once took seconds."""
    for junk in (b"A" * 4_000_000, b"A\n" * 2_000_000, b"OCMF|\n" * 600_000, b'{"signedMeterValues":[' + b"{}," * 9000 + b"{}]}"):
        began = time.process_time()
        assert (await sent(junk)).status_code in (200, 422)
        assert time.process_time() - began < 2.0, junk[:10]


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
