"""`chargebridge plan replay`: a site's own past, and a problem of ACN-Sim, charged again."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chargebridge.app.commands.plan import app
from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.model.session import Preference
from chargebridge.site import journal, ledger
from chargebridge.site.past_stays import PastError, past_case
from chargebridge.site.view import HistoryPoint
from chargebridge.stations.port import Authorisation, TransactionEvent
from chargebridge.store import Database

EVENING = datetime(2026, 3, 1, 18, tzinfo=UTC)
PLACE = Topology(
    circuits=(Circuit(id="main", name="House", fuse_a=(35.0, 35.0, 35.0)),),
    points=tuple(ChargingPoint(id=f"p{i}", name=f"Wallbox {i}", circuit="main", station=f"CB-{i}", maximum_a=16) for i in range(2)),
)


def lived(path: Path) -> None:
    """Two cars over one night: 20 kWh each, one in a hurry; PV was sampled for an hour."""

    def work(c: Any) -> None:
        journal.keep_topology(c, PLACE, EVENING - timedelta(days=1))
        for i in range(2):
            for kind, hours, wh in (("started", 0.5 * i, 1000), ("ended", 12.0, 21_000)):
                event = TransactionEvent(
                    station=f"CB-{i}", evse=1, transaction="t", occurred_at=EVENING + timedelta(hours=hours), replay_key=kind, sequence=0,
                    meter_wh=wh, token="T" if kind == "started" else None,
                )  # fmt: skip
                getattr(ledger, kind)(c, event, f"p{i}", Authorisation.ACCEPTED, EVENING + timedelta(hours=hours))
        ledger.prefer(c, "2", Preference(energy_min_wh=20_000, target_at=EVENING + timedelta(hours=11)))
        for minute in range(0, 60, 5):
            at = EVENING + timedelta(minutes=minute)
            journal.keep_sample(c, HistoryPoint(at=at, grid_w=None, pv_w=2000.0, battery_w=None, house_w=500.0, cars_w=0.0, limit_w=None))

    database = Database.open(path)
    asyncio.run(database.write(work))
    database.close()


def run(*words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["replay", *words, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("at,import_per_kwh\n2026-03-01T00:00,0.4\n2026-03-02T00:00,0.1\n")
    return path


def test_the_past_of_a_site_is_charged_again_and_planning_was_worth_something(tmp_path: Path, prices: Path) -> None:
    lived(tmp_path / "site.db")
    page = tmp_path / "report.html"
    asked = ("--store", str(tmp_path / "site.db"), "--since", "2026-03-01 18:00", "--until", "2026-03-02 12:00", "--prices", str(prices))
    found = {row["strategy"]: row for row in run(*asked, "--html", str(page))}
    assert set(found) > {"at_once", "least_laxity_first", "needed_first", "cheapest", "planned"}
    assert all(row["wanted_wh"] == row["delivered_wh"] == 40_000 for row in found.values())
    assert found["planned"]["cost"] <= 4.0 + 1e-6, "all of it in the cheap hours"
    assert found["planned"]["cost"] < found["at_once"]["cost"]
    assert page.read_text().count("<polyline") == len(found) + 2, "every strategy, the price, and the property without cars"


def test_the_base_is_the_house_less_its_sun(tmp_path: Path) -> None:
    lived(tmp_path / "site.db")
    database = Database.open(tmp_path / "site.db")
    try:
        case = asyncio.run(database.read(lambda c: past_case(c, EVENING, EVENING + timedelta(days=1))))
        assert case.base_w is not None
        assert set(case.base_w[:24]) == {-1500.0}, "and stays as it was last seen for an hour"
        assert set(case.base_w[24:]) == {0.0}
        assert [(s.arrives, s.departs, s.told) for s in case.stays] == [(0, 144, 144), (6, 144, 132)]
        with pytest.raises(PastError, match="no session"):
            asyncio.run(database.read(lambda c: past_case(c, EVENING + timedelta(days=2), EVENING + timedelta(days=3))))
        with pytest.raises(PastError, match="had not run"):
            asyncio.run(database.read(lambda c: past_case(c, EVENING - timedelta(days=9), EVENING - timedelta(days=8))))
    finally:
        database.close()


def acn_files(folder: Path) -> tuple[Path, Path]:
    """Three stations of the three kinds, on two conductors, and a car at each, in the form of ACN-Sim's `to_json`."""
    kinds = {"EVSE": {"_max_rate": 32, "_min_rate": 0}, "DeadbandEVSE": {"_max_rate": 32, "_deadband_end": 6},
             "FiniteRatesEVSE": {"allowable_rates": [0, 8, 16, 24, 32]}}  # fmt: skip
    evses = {f"e{i}": {"class": f"acnportal.acnsim.models.evse.{kind}", "attributes": kinds[kind]} for i, kind in enumerate(kinds)}
    network = {
        "_EVSEs": {f"S{i}": f"e{i}" for i in range(3)}, "_voltages": [208] * 3, "_phase_angles": [30, 30, -90], "constraint_index": ["A"],
        "magnitudes": [20], "constraint_matrix": [[1, 1, -1]],
    }  # fmt: skip
    objects = evses | {"n": {"class": "acnportal.acnsim.network.charging_network.ChargingNetwork", "attributes": network}}
    (folder / "network.json").write_text(json.dumps({"id": "n", "context_dict": objects}))
    cars: dict[str, Any] = {}
    for i in range(3):
        cars |= {
            f"b{i}": {"class": "x.Battery", "attributes": {"_max_power": 6.6, "_capacity": 9, "_current_charge": 0}},
            f"v{i}": {"class": "x.EV", "attributes": {"_arrival": i, "_departure": 40, "_estimated_departure": 38, "_session_id": f"car {i}",
                      "_station_id": f"S{i}", "_requested_energy": 5, "_battery": f"b{i}"}},
            f"p{i}": {"class": "x.PluginEvent", "attributes": {"ev": f"v{i}"}},
        }  # fmt: skip
    queue = {"class": "x.EventQueue", "attributes": {"_queue": [[i, f"p{i}"] for i in range(3)]}}
    (folder / "sessions.json").write_text(json.dumps(json.dumps({"id": "q", "context_dict": {**cars, "q": queue}})))
    return folder / "sessions.json", folder / "network.json"


def test_a_problem_of_acn_sim_is_run(tmp_path: Path) -> None:
    sessions, network = acn_files(tmp_path)
    found = run("--since", "2019-03-01", "--acn-sessions", str(sessions), "--acn-network", str(network))
    assert {row["strategy"] for row in found} >= {"first_come_first_served", "needed_first"}
    assert all(row["stays"] == 3 and row["wanted_wh"] == 15_000 and row["cost"] is None for row in found)
    best = max(row["delivered_wh"] for row in found if not row["overloaded"])
    assert next(row for row in found if row["strategy"] == "needed_first")["delivered_wh"] == best


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s, n: s.write_text("{}"), "no registry"),
        (lambda s, n: s.write_bytes(b"\xff\x00"), "no registry"),
        (lambda s, n: n.write_text(s.read_text()), "is no ChargingNetwork"),
        (lambda s, n: s.write_text(s.read_text().replace("S1", "S9")), "at S9, which the network has not"),
        (lambda s, n: n.write_text(n.read_text().replace('"magnitudes": [20], ', "")), "magnitudes"),
        (lambda s, n: n.write_text(n.read_text().replace("DeadbandEVSE", "OddEVSE")), "of kind OddEVSE"),
        (lambda s, n: s.unlink(), "cannot be read"),
    ],
)
def test_what_is_not_acn_sims_is_refused(tmp_path: Path, spoil: Any, says: str) -> None:
    sessions, network = acn_files(tmp_path)
    spoil(sessions, network)
    done = CliRunner().invoke(
        app, ["replay", "--since", "2019-03-01", "--acn-sessions", str(sessions), "--acn-network", str(network), "--json"]
    )
    assert done.exit_code == 1
    assert says in json.loads(done.output)["reason"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--since", "soon"), "is no time"),
        (("--since", "2026-03-01", "--store", "nowhere.db"), "no such database"),
        (("--since", "2026-03-01", "--acn-sessions", "x.json"), "one without the other"),
    ],
)
def test_what_cannot_be_meant_is_told(words: tuple[str, ...], says: str) -> None:
    done = CliRunner().invoke(app, ["replay", *words, "--json"])
    assert done.exit_code == 1
    assert says in json.loads(done.output)["reason"]


def test_an_unknown_strategy_is_told_with_those_there_are(tmp_path: Path) -> None:
    sessions, network = acn_files(tmp_path)
    words = ["replay", "--since", "2019-03-01", "--acn-sessions", str(sessions), "--acn-network", str(network), "--strategy", "magic"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 1
    assert "needed_first" in json.loads(done.output)["cure"]
