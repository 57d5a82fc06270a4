"""What the documentation says is so: commands, keys, defaults, addresses and links are held against the code."""

import re
import shlex
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import typer
from fastapi import FastAPI
from pydantic import BaseModel

from chargebridge.app.cli import app as cli
from chargebridge.app.registry_server.settings import RegistryConfig
from chargebridge.app.web.access import Access
from chargebridge.app.web.api import Guard, add_api
from chargebridge.app.web.api_schema import PreferenceBody
from chargebridge.app.web.limit_entry import LimitEntryBody
from chargebridge.app.web.money_api import AmountBody, LimitsBody, PaymentBody, StartBody, TariffBody
from chargebridge.app.web.station_schema import CampaignBody, CommandBody, StationFileBody, SteerBody
from chargebridge.control.decide import decide
from chargebridge.control.ems import grant
from chargebridge.meters.address import parse as parse_address
from chargebridge.meters.registry import TRANSPORTS, check_url, settings_of
from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Topology
from chargebridge.model.decision import Cause, Demand
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus
from chargebridge.model.state import BatteryState, PointState, SiteState
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import parse
from chargebridge.wire.ocpp.tolerance import profiles

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of a language, also those indented below a list item."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


def every(language: str) -> list[Any]:
    return [pytest.param(block, id=f"{page.name}-{n}") for page in PAGES for n, block in enumerate(blocks(page, language))]


def cells(markdown: str) -> list[list[str]]:
    """All rows of all tables, without heads and rules."""
    lines = markdown.splitlines()
    rules = {n for n, line in enumerate(lines) if re.fullmatch(r"\|[-|: ]+\|", line)}
    heads = {n - 1 for n in rules}
    rows = [line for n, line in enumerate(lines) if line.startswith("|") and n not in rules | heads]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def section(markdown: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, re.M | re.S)
    assert found, f"no section {title}"
    return found[1]


# TOML


def tables() -> dict[str, type[BaseModel]]:
    """What the configuration knows: the name of each table and its model."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in SiteConfig.model_fields.items():
        found[name] = _table(field)
    for name in ("eebus.peer", "eebus.grid", "eebus.grid.production"):
        outer, _, key = name.rpartition(".")
        found[name] = _table(found[outer].model_fields[key])
    return found


def _table(field: Any) -> Any:
    kinds = [kind for kind in get_args(field.annotation) if kind not in (..., type(None))]
    return kinds[0] if kinds else field.annotation


@pytest.mark.parametrize("block", every("toml"))
def test_toml_is_what_the_configuration_takes(block: str) -> None:
    given = tomllib.loads(block)
    if "site" in given and "circuit" in given:
        parse(block)
        return
    if "registry" in given:
        RegistryConfig.model_validate(given)
        return
    known = tables()
    for name, entries in given.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            known[name].model_validate(entry)


def test_configuration_lists_every_key_with_its_default() -> None:
    page = text("configuration.md")
    for name, model in tables().items():
        many = name not in (
            "site",
            "web",
            "ocpp",
            "payment",
            "price",
            "weather",
            "planning",
            "eebus",
            "eebus.grid",
            "eebus.grid.production",
        )
        rows = cells(section(page, f"`[[{name}]]`" if many else f"`[{name}]`"))
        said = {row[0].strip("`"): row[1] for row in rows}
        assert said.keys() == model.model_fields.keys(), name
        for key, field in model.model_fields.items():
            assert said[key] == _default(field), f"{name}.{key}"


def _default(field: Any) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str() | Path():
            return f'`"{value}"`'
        case tuple():
            return "0" if not any(value) else f"`{list(value)}`"
        case _:
            return f"{value:g}"


# Commands


def command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The (sub)command that the words name, and its arguments."""
    here: Any = typer.main.get_command(cli)
    while words and hasattr(here, "get_command"):
        found = here.get_command(None, words[0])
        assert found is not None, f"chargebridge has no {words[0]}"
        here, words = found, words[1:]
    return here, words


def shell_lines() -> list[Any]:
    return [
        pytest.param(line, id=f"{page.name}: {line[:50]}")
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if re.match(r"(\.venv/bin/)?chargebridge ", line)
    ]


@pytest.mark.parametrize("line", shell_lines())
def test_a_printed_command_can_be_given(line: str, tmp_path: Path) -> None:
    """Arguments and options are taken; nothing is run. Keys are read from a file of our own."""
    key_file = tmp_path / "key"
    key_file.write_text("00" * 16)
    found, arguments = command(shlex.split(line)[1:])
    found.make_context("chargebridge", list(arguments), resilient_parsing=False)
    for argument in arguments:
        if "://" in argument and not argument.startswith(("file:", "ws:", "wss:")):
            check_url(re.sub(r"(key_file=)[^&]+", rf"\1{key_file}", argument))


def test_commands_named_in_the_text_exist() -> None:
    named = set()
    for page in PAGES:
        plain = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        named |= set(re.findall(r"`(?:\.venv/bin/)?chargebridge ([^`]+)`", plain))
    assert len(named) > 5
    for words in named:
        found, arguments = command(shlex.split(words))
        options = {name for parameter in found.params for name in parameter.opts}
        assert {a for a in arguments if a.startswith("--")} <= options, words


@pytest.mark.parametrize("block", every("sh"))
def test_shell_blocks_are_shell(block: str) -> None:
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)


# Links and names


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_of_the_source_exist(page: Path) -> None:
    places = re.findall(
        r"`((?:src|tests|app|site|control|meters|plants|stations|store|wire|sim)/[\w./]+)`", page.read_text(encoding="utf-8")
    )
    for place in places:
        assert (ROOT / place).exists() or (ROOT / "src" / "chargebridge" / place).exists(), place


def test_architecture_names_every_room() -> None:
    named = {row[1].strip("`") for row in cells(section(text("architecture.md"), "Rooms"))}
    rooms = {path.name for path in (ROOT / "src" / "chargebridge").iterdir() if (path / "__init__.py").exists()}
    assert named == rooms


def test_dependencies_lists_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=!~\[; ]", line)[0] for line in project["dependencies"]}
    named = {name.strip() for row in cells(text("dependencies.md")) for name in row[0].split(",")}
    assert named == wanted


# Meters


def test_meters_lists_every_setting() -> None:
    rows = cells(section(text("meters.md"), "Settings after the `?`"))
    said: dict[str, set[str]] = {scheme: set() for scheme in TRANSPORTS}
    for setting, schemes, *_ in rows:
        for scheme in TRANSPORTS if schemes == "all" else re.findall(r"`([\w-]+)`", schemes):
            said[scheme].update(re.findall(r"`(\w+)`", setting))
    for scheme in TRANSPORTS:
        own = settings_of(scheme)
        assert own <= said[scheme]
        query = "&".join(f"{name}=1" for name in said[scheme])
        assert parse_address(f"{scheme}://x?{query}", own).settings.keys() == said[scheme]


def test_meter_addresses_are_taken() -> None:
    for address in re.findall(r"`((?:serial|tcp)://[^`]+)`", text("meters.md") + text("tutorial.md")):
        check_url(address)


# REST


def routes() -> set[tuple[str, str]]:
    """Method and path of all that the interface offers, from its own description."""
    nobody: Any = None
    app = FastAPI()
    add_api(app, nobody, Guard(nobody, Access(password_hash="x")))
    return {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}


def test_addresses_of_the_interface_exist() -> None:
    page = text("api.md")
    known = {(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")) for method, path in routes()}
    calls = [("GET", path) for path in re.findall(r"`GET (/api/v1/[\w/{}-]+)", page)]
    for line in "\n".join(blocks(ROOT / "docs" / "api.md", "sh")).splitlines():
        if line.startswith("curl"):
            method = re.search(r"-X (\w+)", line)
            path = re.search(r"\$B(/api/v1/[\w/-]+)", line)
            assert path, line
            calls.append((method[1] if method else "GET", path[1]))
    assert len(calls) > 10
    for method, path in calls:
        assert any(m == method and pattern.match(path) for m, pattern in known), f"{method} {path}"


BODIES: tuple[tuple[str, type[BaseModel]], ...] = (
    *(("/tx-7/limits", LimitsBody), ("/payments", PaymentBody), ("/start", StartBody), ("/tariff", TariffBody), ("/04A1B2C3", AmountBody)),
    *(("/limits", LimitEntryBody), ("/preference", PreferenceBody), ("/commands", CommandBody), ("/campaigns", CampaignBody)),
    *(("/campaigns/1", SteerBody), ("/station-file", StationFileBody)),
)


def test_bodies_in_the_examples_are_taken() -> None:
    shell = "\n".join(blocks(ROOT / "docs" / "api.md", "sh"))
    for path, body in re.findall(r"\$B(/api/v1/\S+) -d '(\{.*?\})'", shell, re.S):
        model = next((body for end, body in BODIES if path.endswith(end)), None)
        if model is not None:
            model.model_validate_json(body)


def test_fields_of_bodies_are_listed() -> None:
    page = text("api.md")
    limit = {name for row in cells(section(page, "Enter a limit")) for name in re.findall(r"`(\w+)`", row[0])}
    assert limit == LimitEntryBody.model_fields.keys()
    wishes = {name for row in cells(section(page, "Steer a point")) for name in re.findall(r"`(\w+)`", row[0])}
    assert wishes == PreferenceBody.model_fields.keys()
    rows = cells(section(page, "Stations"))
    campaign = {name for row in rows if "GET" not in row[0] for name in re.findall(r"`(\w+)`", row[0])}
    assert campaign == CampaignBody.model_fields.keys()


def test_metrics_are_listed() -> None:
    code = (ROOT / "src/chargebridge/app/web/metrics.py").read_text(encoding="utf-8")
    said = {name for row in cells(section(text("api.md"), "Health and metrics")) for name in re.findall(r"`(chargebridge_\w+)`", row[0])}
    assert said == set(re.findall(r'"(chargebridge_\w+)"', code))


# Decisions


def test_causes_are_listed() -> None:
    rows = cells(section(text("decisions.md"), "7. The why-chain"))
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[0])} == {str(cause) for cause in Cause}


@pytest.mark.parametrize(
    ("needed", "others", "grid", "battery", "stored", "granted", "short", "told"),
    [
        (4, 3, 30, 0, 8, 22, 0, None),
        (4, 3, 16, 0, 8, 13, 0, None),
        (12, 8, 16, 0, 8, 12, 0, -4),
        (12, 8, 16, 0, 2.05, 11, 1, -3),
        (12, 6, 16, 3, 8, 12, 0, 1),
        (22, 8, 16, 0, 8, 14, 8, -6),
    ],
)
def test_the_table_of_grants_is_right(
    needed: float, others: float, grid: float, battery: float, stored: float, granted: float, short: float, told: float | None
) -> None:
    """All in kW and kWh; 22 kW are wished."""
    house = Battery(id="b", name="B", circuit="main", charge_max_w=6000, discharge_max_w=6000, capacity_wh=15_000, reserve_wh=2000)
    state = BatteryState(battery="b", heard_at=NOW, power_w=battery * 1000, stored_wh=stored * 1000)
    demand = Demand(needed_w=needed * 1000, wished_w=22_000)
    made, commands = grant(demand, others * 1000, grid * 1000, (house,), (state,), NOW)
    assert (made.granted_w, made.short_w) == pytest.approx((granted * 1000, short * 1000))
    assert [command.power_w for command in commands] == ([] if told is None else [pytest.approx(told * 1000)])


def goals(fuse: float, house: tuple[float, float, float], *points: dict[str, Any], one_phase: tuple[str, ...] = ()) -> list[float]:
    """Where the points are going, all with cars that could take 32 A."""
    circuit = Circuit(id="main", name="House", fuse_a=(fuse,) * 3, meter="m")
    made = tuple(ChargingPoint(**{"name": p["id"], "circuit": "main", "station": p["id"], **p}) for p in points)
    seen = tuple(
        PointState(
            point=p.id,
            online=True,
            status=PointStatus.CHARGING,
            heard_at=NOW,
            session="s",
            authorised=True,
            terminal_a=(0.0, 0.0, 0.0),
            measured_at=NOW,
            fallback_a=0.0,
            car_phases=1 if p.id in one_phase else None,
        )
        for p in made
    )
    reading = Reading(meter="m", received_at=NOW, current_a=house, power_w=sum(house) * 230)
    state = SiteState(topology=Topology(circuits=(circuit,), points=made), readings=(reading,), points=seen)
    return [point.goal_a for point in decide(state, NOW).points]


def test_the_examples_of_the_fair_split_are_right() -> None:
    assert goals(32, (8, 3, 3), {"id": "a"}, {"id": "b", "maximum_a": 16.0}, {"id": "c", "weight": 2.0}) == [6.0, 6.0, 12.0]
    rotated = ({"id": "a"}, {"id": "b", "phases": (2,)}, {"id": "c", "phases": (2, 3, 1)})
    assert goals(32, (0, 0, 0), *rotated, one_phase=("c",)) == [10.6, 10.6, 10.6]
    assert goals(25, (2, 2, 2), {"id": "a", "priority": 10, "maximum_a": 16.0}, {"id": "b"}) == [16.0, 7.0]
    assert goals(16, (3, 3, 3), {"id": "a"}, {"id": "b"}, {"id": "c"}) == [6.5, 6.5, 0.0]


def test_no_page_names_a_place_of_somebodys_workshop() -> None:
    for page in PAGES:
        assert not re.search(r"/work/|/root/|/tmp/", page.read_text(encoding="utf-8")), page.name


# Stations


def test_tolerance_profiles_are_listed() -> None:
    said = {row[0].strip("`") for row in cells(section(text("stations.md"), "Stations with peculiarities"))}
    assert said == profiles().keys()
