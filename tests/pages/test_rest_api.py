"""The REST API, health and metrics over real HTTP."""

from collections.abc import Callable, Iterator

import httpx
import pytest


@pytest.fixture(autouse=True)
def _fresh(turn: Callable[[str], None]) -> None:
    turn("busy")


@pytest.fixture
def driver(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"Authorization": "Bearer key-of-p02-0123456789abcdef"}) as client:
        yield client


def test_without_a_token_there_is_only_health(address: str) -> None:
    for path in ("/api/v1/site", "/api/v1/points/p02", "/metrics"):
        answer = httpx.get(address + path)
        assert answer.status_code == 401
        assert set(answer.json()) == {"where", "reason", "cure"}
    assert httpx.get(f"{address}/healthz").json()["status"] == "ok"


def test_owner_reads_all(api: httpx.Client) -> None:
    site = api.get("/api/v1/site").json()
    assert len(site["points"]) == 12
    assert site["circuits"][1]["allowed_a"] == [None, None, None]
    assert [limit["id"] for limit in api.get("/api/v1/limits").json()] == ["lpc-1"]
    assert len(api.get("/api/v1/sessions", params={"limit": 2}).json()) == 2
    assert len(api.get("/api/v1/history", params={"points": 10}).json()) == 10


def test_zero_watts_is_a_limit_and_is_withdrawn_by_deleting(api: httpx.Client) -> None:
    assert api.put("/api/v1/circuits/yard/limit", json={"power_w": 0, "duration_s": 600}).status_code == 204
    limit = next(limit for limit in api.get("/api/v1/limits").json() if limit["source"] == "owner")
    assert limit["bound"] == {"type": "power", "power_w": 0.0}
    assert api.delete(f"/api/v1/limits/{limit['id']}").status_code == 204
    assert api.delete(f"/api/v1/limits/{limit['id']}").status_code == 404
    assert api.delete("/api/v1/circuits/yard/limit").status_code == 204


def test_a_limit_is_entered_whole_or_not_at_all(api: httpx.Client) -> None:
    entry = {"id": "dso-7", "source": "grid_operator", "legal_basis": "§ 14a EnWG", "node": "garage", "power_w": 0, "duration_s": 900}
    assert api.post("/api/v1/limits", json=entry).status_code == 204
    for wrong in ({"group": "all"}, {"unlimited": True}, {"source": "fuse"}, {"power_w": None}):
        answer = api.post("/api/v1/limits", json=entry | wrong)
        assert answer.status_code == 422
        assert answer.json()["reason"]


def test_driver_sees_and_steers_his_point_only(driver: httpx.Client) -> None:
    point = driver.get("/api/v1/points/p02").json()
    assert point["why"]["sentence"]
    assert point["why"]["steps"] == []
    assert driver.put("/api/v1/points/p02/preference", json={"energy_min_wh": 5000}).status_code == 204
    assert driver.get("/api/v1/points/p02").json()["preference"]["energy_min_wh"] == 5000
    assert driver.post("/api/v1/points/p02/stop").json() == {"outcome": "accepted", "detail": ""}
    foreign, unknown = driver.get("/api/v1/points/p01"), driver.get("/api/v1/points/none")
    assert foreign.status_code == unknown.status_code == 401
    assert foreign.json() == unknown.json()
    assert driver.put("/api/v1/points/p02/priority", json={"priority": 9}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "where"),
    [
        ("PUT", "/circuits/yard/limit", {"power_w": -1}, 422, "body.power_w"),
        ("PUT", "/circuits/yard/limit", {}, 422, "body.power_w"),
        ("PUT", "/circuits/yard/limit", {"power_w": 1, "watts": 2}, 422, "body.watts"),
        ("PUT", "/circuits/cellar/limit", {"power_w": 1}, 404, "circuits/cellar"),
        ("PUT", "/points/p02/preference", {"energy_min_wh": 5, "energy_max_wh": 4}, 422, "preference of p02"),
        ("PUT", "/points/p02/preference", {"target_at": "2026-03-01T07:00:00"}, 422, "body.target_at"),
        ("GET", "/points/p99", None, 404, "points/p99"),
        ("GET", "/nothing", None, 404, "/api/v1/nothing"),
    ],
)
def test_errors_say_where_why_and_the_cure(api: httpx.Client, method: str, path: str, body: object, status: int, where: str) -> None:
    answer = api.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["where"] == where
    assert answer.json()["cure"]


def test_openapi_describes_what_is_given(address: str) -> None:
    document = httpx.get(f"{address}/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert schemas["CircuitView"]["properties"]["allowed_a"]["prefixItems"][0]["type"] == ["number", "null"]
    assert {"SiteView", "PointView", "LimitBody", "Problem"} <= set(schemas)
    assert "/api/v1/points/{point}/preference" in document["paths"]


def test_metrics_carry_the_site(api: httpx.Client) -> None:
    text = api.get("/metrics").text
    assert 'chargebridge_circuit_load_amperes{circuit="root",phase="L1"}' in text
    assert 'chargebridge_point_power_watts{point="p02"}' in text
    assert 'chargebridge_load_limit_watts{load="pump"} 4200.0' in text
    assert "process_cpu_seconds_total" in text


def test_pages_load_nothing_from_elsewhere(address: str) -> None:
    policy = httpx.get(f"{address}/login").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy
