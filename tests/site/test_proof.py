"""Whole sites with virtual stations over real sockets: what is proven is billed, nothing else is, and the reason is told."""

import contextlib
import re
import sqlite3
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chargebridge.calibration.registry import rules
from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.calibration.registry.log import Registry
from chargebridge.calibration.registry.rules import Handed
from chargebridge.calibration.transparency import check_file
from chargebridge.sim.ocpp_station import Faults, SigningPlan
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.site.proof.keys import key_file
from tests.site.kit import until
from tests.site.proof_kit import EVSE, KEY, PLAN, Charged, charging, text

SLOW = pytest.mark.slow


def balance(made: Charged) -> Decimal:
    return made.site.site.money.desk.balance("prepaid")


async def top_up(made: Charged) -> None:
    await made.site.site.money.top_up("PREPAID", Decimal(10), "tester")


@pytest.mark.parametrize(
    ("version", "kept"),
    [("ocpp1.6", "one"), ("ocpp2.0.1", "two"), pytest.param("ocpp1.6", "two", marks=SLOW), pytest.param("ocpp2.1", "one", marks=SLOW)],
)
async def test_a_good_session_is_billable_and_its_proof_can_be_checked_by_anybody(tmp_path: Path, version: str, kept: Any) -> None:
    plan = SigningPlan(seed=PLAN.seed, evse_ids=(EVSE,), records=kept)
    async with charging(tmp_path, version, plan=plan) as made:
        await top_up(made)
        proof = await made.session(token="PREPAID")
        assert (proof.state, proof.reason, proof.evse, proof.meter) == ("billable", "", EVSE, "CP-1-M1")
        assert (proof.energy_wh, proof.begin_wh, proof.end_wh) == (Decimal(2500), Decimal(1_000_000), Decimal(1_002_500))
        assert proof.fingerprint == KEY.fingerprint()
        assert "register" in proof.key_from
        assert proof.time_billable
        assert balance(made) == Decimal("8.75"), "2.5 kWh at 0.50"
        file = await made.proofs.safe_xml(proof.id)
        assert file is not None
        (checked,) = check_file(file, KEY)
        assert checked.verdict.energy_billable
        row = (await made.site.site.service.sessions())[0]
        assert row.proof is not None
        assert (row.proof.state, row.proof.id) == ("billable", proof.id)
        assert len(proof.id) >= 22
        assert await made.proofs.by_id(proof.id) == proof
        assert await made.proofs.by_id("nobody's") is None


@pytest.mark.parametrize(
    ("version", "fault", "code", "words"),
    [
        ("ocpp1.6", "wrongly", "signature_wrong", "signature"),
        pytest.param("ocpp2.0.1", "other_key", "signature_wrong", "signature", marks=SLOW),
        pytest.param("ocpp2.0.1", "changed", "signature_wrong", "signature", marks=SLOW),
        pytest.param("ocpp1.6", "no_end", "no_end", "end", marks=SLOW),
        ("ocpp2.0.1", "no_end", "no_end", "end"),
    ],
)
async def test_a_session_that_is_signed_wrongly_is_not_billable(tmp_path: Path, version: str, fault: Any, code: str, words: str) -> None:
    async with charging(tmp_path, version, faults=Faults(signs=fault)) as made:
        await top_up(made)
        proof = await made.session(token="PREPAID")
        assert (proof.state, proof.code) == ("unbillable", code)
        assert words in proof.reason
        assert balance(made) == 10, "nothing is asked for"
        assert any("is not billable" in line and proof.reason in line for line in made.site.happenings)
        (terms, *_) = await made.site.site.money.terms("CP-1")
        assert terms.ended
        assert not terms.billable


@pytest.mark.parametrize("kept", ["one", pytest.param("two", marks=SLOW)])
async def test_a_page_is_billed_once(tmp_path: Path, kept: Any) -> None:
    plan = SigningPlan(seed=PLAN.seed, evse_ids=(EVSE,), records=kept)
    async with charging(tmp_path, plan=plan) as made:
        first = await made.session()
        assert first.state == "billable"
        made.station.faults.signs = "page_again"
        second = await made.session()
        assert (second.state, second.code) == ("unbillable", "page_falls")
        made.station.faults.signs = ""
        assert (await made.session()).state == "billable"
        assert (await made.proof(first.session)).state == "billable"


@SLOW
async def test_a_record_of_another_session_proves_nothing(tmp_path: Path) -> None:
    """A station, or who sits between, sends the end of the last session once more."""
    async with charging(tmp_path) as made:
        first = await made.session()
        number = await made.begin()
        await made.end(2500)
        with sqlite3.connect(tmp_path / "site.db") as db:
            db.execute(
                "update signed_value set data = (select data from signed_value where session = ?) where session = ?",
                (first.session, number),
            )
            db.execute("update session_proof set state = 'unbillable' where session = ?", (number,))
        again = await made.proof(number)
        assert again.state == "unbillable"
        assert again.code in ("page_falls", "times_differ"), "the page is used up; or a minute lies between the two"


@pytest.mark.parametrize("version", [pytest.param("ocpp1.6", marks=SLOW), "ocpp2.0.1"])
async def test_a_late_record_makes_it_billable_and_a_double_one_changes_nothing(tmp_path: Path, version: str) -> None:
    async with charging(tmp_path, version, faults=Faults(signs="late")) as made:
        await top_up(made)
        number = await made.begin("PREPAID")
        await made.end()
        early = await made.proof(number)
        assert (early.state, early.code) in (("unbillable", "not_signed"), ("billable", ""))
        await made.becomes(number, "billable")
        assert await until(lambda: balance(made) == Decimal("8.75"))
        assert any("proven after all" in line for line in made.site.happenings)
        made.station.faults.signs = "twice"
        assert (await made.session(token="PREPAID")).state == "billable"
        assert balance(made) == Decimal("7.50")


async def test_without_signatures_it_is_never_billable(tmp_path: Path) -> None:
    async with charging(tmp_path, plan=None) as made:
        await top_up(made)
        proof = await made.session(token="PREPAID")
        assert (proof.state, proof.code) == ("unbillable", "not_signed")
        assert balance(made) == 10
    calibrated_no_more = text(tmp_path).replace("calibrated = true\n", "").replace(f'public_key = "{KEY.spki().hex()}"\n', "")
    async with charging(tmp_path, plan=None, text=calibrated_no_more) as made:
        await made.begin("PREPAID")
        await made.end()
        assert await until(lambda: balance(made) == Decimal("8.75")), "where no law asks for it, it is billed without"


async def test_what_the_station_counts_must_be_what_its_meter_signs(tmp_path: Path) -> None:
    async with charging(tmp_path) as made:
        number = await made.begin()
        with sqlite3.connect(tmp_path / "site.db") as db:
            db.execute("update session set meter_start_wh = meter_start_wh - 400")
        await made.end()
        proof = await made.proof(number)
        assert (proof.state, proof.code) == ("unbillable", "total_differs")
        assert "2900 Wh" in proof.reason


async def test_a_key_that_is_missing_leaves_it_open_until_it_is_registered(tmp_path: Path) -> None:
    """The register's own process writes into the same store; the key counts from the day that is named for it."""
    async with charging(tmp_path, text=text(tmp_path, key=False)) as made:
        await top_up(made)
        before = await made.session(token="PREPAID")
        assert (before.state, before.code) == ("unbillable", "not_registered")
        assert EVSE in before.reason
        assert balance(made) == 10
        since = made.site.clock.now() - timedelta(days=1)
        database, signer = made.site.database, HeadSigner.load(key_file(tmp_path / "site.db"))
        register = await Registry.open(database, signer, made.site.clock)
        handed = Handed(evse=EVSE, cpo="DE*ABC", meter="CP-1-M1", format="OCMF", key=KEY.spki().hex(), valid_from=since)
        await register.propose(lambda entries, at: rules.commission(entries, handed, "e1", at))
        pending = await made.proof(before.session)
        assert pending.state == "unbillable"
        await register.publish()
        await made.becomes(before.session, "billable")
        assert await until(lambda: balance(made) == Decimal("8.75"))
        assert (await made.session(token="PREPAID")).state == "billable"
        await register.propose(lambda entries, at: rules.decommission(entries, "e1", "DE*ABC", at))
        await register.publish()
        await made.site.clock.sleep(2)  # a station tells its times in whole seconds
        after = made.site.clock.now()
        assert await until(lambda: not any(entry.holds_at(after) for entry in made.proofs._keys.entries(EVSE)))
        proof = await made.session(token="PREPAID")
        assert (proof.state, proof.code) == ("unbillable", "not_active")
        assert (await made.proof(before.session)).state == "billable", "what was charged before stays proven"


@SLOW
async def test_another_key_in_the_configuration_follows_the_old_one(tmp_path: Path) -> None:
    other = SigningPlan(seed="new", evse_ids=(EVSE,))
    async with charging(tmp_path) as made:
        old = await made.session()
        since = made.site.clock.now()

    key = SigningMeter(other, "CP-1", 1, Faults()).public_key
    changed = text(tmp_path).replace(KEY.spki().hex(), key.spki().hex())
    async with charging(tmp_path, plan=other, text=changed, since=since) as made:
        new = await made.session()
        assert (new.state, new.fingerprint) == ("billable", key.fingerprint())
        assert (await made.proof(old.session)).state == "billable"
        assert (await made.proof(old.session)).fingerprint == KEY.fingerprint()


EMPTY = "delete from signed_value; delete from session; delete from session_proof; "
CHANGES = (
    ("update signed_value set data = replace(data, 'OCMF', 'XXXX')", "unreadable"),
    ("update signed_value set data = replace(data, '1002.500', '1003.500')", "signature_wrong"),
    ("delete from signed_value", "not_signed"),
    ("update session set energy_wh = energy_wh + 100", "total_differs"),
    ("update session_proof set digest = 'x'", "signature_wrong"),
)


async def test_a_row_that_somebody_changes_is_found_when_it_is_shown(tmp_path: Path) -> None:
    plan = SigningPlan(seed=PLAN.seed, evse_ids=(EVSE,), carried="plain")
    async with charging(tmp_path, plan=plan) as made:
        proof = await made.session()
        assert proof.state == "billable"
        for change, code in CHANGES:
            with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as db:
                before = "\n".join(
                    line for line in db.iterdump() if re.match(r'INSERT INTO "?(signed_value|session|session_proof)"? ', line)
                )
                db.execute(change)
                db.commit()
                shown = await made.proof(proof.session)
                assert (shown.state, shown.stored, shown.code) == ("unbillable", "billable", code)
                (row, *_) = await made.site.site.service.sessions()
                assert row.proof is not None
                assert row.proof.state == "unbillable"
                db.executescript(f"{EMPTY}{before}")
            assert (await made.proof(proof.session)).state == "billable"


async def test_a_flag_that_somebody_sets_bills_nothing_in_the_proof(tmp_path: Path) -> None:
    async with charging(tmp_path, faults=Faults(signs="wrongly")) as made:
        proof = await made.session()
        with sqlite3.connect(tmp_path / "site.db") as db:
            db.execute("update session_proof set state = 'billable', reason = ''")
        assert (await made.proof(proof.session)).state == "unbillable"


@SLOW
async def test_a_register_that_was_changed_proves_nothing_more(tmp_path: Path) -> None:
    async with charging(tmp_path) as made:
        assert (await made.session()).state == "billable"
        with sqlite3.connect(tmp_path / "site.db") as db:
            db.execute("update registry_event set body = replace(body, 'CP-1-M1', 'CP-1-M9')")
    async with charging(tmp_path) as made:
        assert any("cannot be read" in line for line in made.site.happenings)
        assert (await made.session()).state == "unbillable"


async def test_what_we_cannot_judge_is_kept_answered_and_not_billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    async with charging(tmp_path) as made:
        monkeypatch.setattr("chargebridge.site.proof.office.judge_session", broken)
        proof = await made.session()
        assert proof.state == "unbillable"
        assert "a fault of ours" in proof.reason
        monkeypatch.undo()
        assert (await made.proof(proof.session)).energy_billable, "its records are there"
