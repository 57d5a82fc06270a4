"""A session's proof in words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chargebridge.app.web.shown.proof import fingerprint, shown
from chargebridge.calibration.verdict import Layers
from chargebridge.site.proof.view import ProofView

NOW, ZONE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC), ZoneInfo("Europe/Vienna")
PROOF = ProofView(
    id="x" * 24, session="1", point="a", evse="DE*ABC*E1", state="billable", stored="billable", code="", reason="", layers=Layers(), findings=(),
    energy_billable=True, time_billable=True, energy_wh=Decimal("2500.5"), begin_wh=Decimal("1234567.8"), end_wh=Decimal("1237068.3"),
    begin=NOW - timedelta(hours=3), end=NOW, format="OCMF", fingerprint="0123456789abcdef" * 4,
)  # fmt: skip


def test_all_digits_that_were_signed_and_the_sites_time() -> None:
    told = shown(PROOF, NOW, ZONE)
    assert told is not None
    assert (told["begin"], told["end"]) == ("1 234.5678 kWh at 22:30:00 on 2026-11-20", "1 237.0683 kWh at 01:30:00")
    assert told["energy"] == "2.5005 kWh"
    assert told["key"] == fingerprint(PROOF.fingerprint) == "01234567 89abcdef 01234567 89abcdef"
    assert (told["file"], told["page"]) == (f"/proof/{PROOF.id}.xml", f"/verify/{PROOF.id}")


def test_what_is_not_billed_says_why_and_what_runs_says_nothing() -> None:
    wrong = shown(replace(PROOF, state="unbillable", reason="no value of a session's end", format="", end_wh=None, end=None), NOW, ZONE)
    assert wrong is not None
    assert (wrong["holds"], wrong["verdict"], wrong["reason"]) == (False, "Not billed", "No value of a session's end.")
    assert (wrong["file"], wrong["end"]) == ("", "")
    assert shown(None, NOW, ZONE) is None
    assert shown(replace(PROOF, state="running"), NOW, ZONE) is None
