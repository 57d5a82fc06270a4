"""What a customer sees of his invoice's file, and behind its link, in a real browser that runs no scripts."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from page_proof import BAD, GOOD, METER
from page_tools import DESKTOP, PHONE, leave
from playwright.sync_api import Browser, Page, expect
from tests import signed_samples as samples
from tests.signed_samples import BEGIN, ocmf, payload, reading

from chargebridge.wire.signed.container import ContainedValue, write_safe_xml

KEY = samples.public().spki().hex()
PAIR = (ocmf(payload(reading("B", "1"), PG="T1")), ocmf(payload(reading("E", "2.5", BEGIN), PG="T2")))


def safe_xml(key: str | None = KEY) -> bytes:
    return write_safe_xml(ContainedValue(data, key, "7") for data in PAIR)


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(base_url=address, java_script_enabled=False)
    context.set_default_timeout(15_000)
    page = context.new_page()
    yield page
    leave([page])
    context.close()


def check(page: Page, data: bytes, key: str = "", viewport: object = DESKTOP) -> None:
    page.set_viewport_size(viewport)  # type: ignore[arg-type]
    page.goto("/verify")
    page.get_by_label("The file with the signed values").set_input_files({"name": "bill", "mimeType": "text/plain", "buffer": data})
    page.get_by_label("The meter's public key").fill(key)
    page.get_by_role("button", name="Check").click()


def test_a_file_that_holds(page: Page) -> None:
    check(page, safe_xml())
    expect(page.get_by_role("status")).to_have_text("The session holds.")
    session = page.get_by_role("article")
    expect(session).to_contain_text("1.5 kWh")
    expect(session.get_by_role("listitem").filter(has_text="✓")).to_have_count(3)
    expect(session).to_contain_text("The key was taken from the file itself")
    check(page, safe_xml(key=None), KEY)
    expect(page.get_by_role("article")).to_contain_text("as you gave it")
    expect(page.get_by_role("article")).not_to_contain_text("The key was taken from the file itself")


def test_one_changed_digit_on_a_phone(page: Page) -> None:
    check(page, safe_xml().replace(b'"RV":2.5', b'"RV":9.5'), KEY, PHONE)
    session = page.get_by_role("article")
    expect(page.get_by_role("status")).to_have_text("The session does not hold.")
    expect(session).to_contain_text("The signature of value 2 is not that of these values and this key.")
    expect(session).to_contain_text("Do not accept the bill as it stands")
    box = session.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"], "nothing to be pushed sideways"


def test_without_a_key_it_is_said_what_to_do(page: Page) -> None:
    check(page, samples.session())
    expect(page.get_by_role("article")).to_contain_text("Cannot be decided")
    expect(page.get_by_role("article")).to_contain_text("Look the public key up in the register")


def test_the_register_of_the_site_proves_the_key(page: Page, address: str) -> None:
    check(page, httpx.get(f"{address}/proof/{GOOD}.xml").content)
    expect(page.get_by_role("article")).to_contain_text("Holds")
    expect(page.get_by_role("article")).to_contain_text("from the register")
    assert METER.public_key.fingerprint() in page.content()


def test_the_link_on_the_invoice(page: Page) -> None:
    page.goto(f"/verify/{GOOD}")
    session = page.get_by_role("article")
    expect(session).to_contain_text("12.5")
    expect(session.get_by_role("listitem").filter(has_text="✓")).to_have_count(4)
    with page.expect_download() as file:
        page.get_by_role("link", name="Download").click()
    check(page, Path(file.value.path()).read_bytes())
    expect(page.get_by_role("status")).to_have_text("The session holds.")
    page.goto(f"/verify/{BAD}")
    expect(page.get_by_role("article")).to_contain_text("Does not hold")
    expect(page.get_by_role("article")).to_contain_text("The station has sent no signed values.")
    expect(page.get_by_role("article")).to_contain_text("without signed values it must not be billed")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    answer = page.goto("/verify/some-other")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="No such session")).to_be_visible()


def test_what_a_file_says_is_text(page: Page) -> None:
    check(page, samples.session(ID="<img src=x onerror=alert(1)>", CI='"><script>alert(2)</script>'))
    expect(page.get_by_role("article")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 1, "our own sign"
    assert page.locator("main script").count() == 0


def send(address: str, data: bytes, key: str = "") -> httpx.Response:
    return httpx.post(f"{address}/verify", files={"files": ("bill", data)}, data={"key": key}, timeout=30)


def test_what_is_refused_is_told_with_a_cure(address: str) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><values>&b;</values>'
    deep = b"<values><value><signedData>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</signedData></value></values>"
    many = b"\n".join([samples.session()] * 5000)
    for data, reason in (
        (bomb, "declares entities"),
        (deep, "deep"),
        (many, "split it by transactions"),
        (b"x" * (5 * 1024 * 1024), "more than 4 MB"),
        (b"", "it is empty"),
    ):
        answer = send(address, data)
        assert (answer.status_code, reason in answer.text) == (422, True), (reason, answer.text[-2000:])
        assert answer.headers["cache-control"] == "no-store"
    assert "is neither hexadecimal" in send(address, samples.session(), "???").text
    assert httpx.post(f"{address}/verify", content=b"--", headers={"content-type": "multipart/form-data"}).status_code == 422
    assert httpx.post(f"{address}/verify").status_code == 422
