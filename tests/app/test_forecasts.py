"""Forecasts by REST, by the command and on the page's panel, of a running site over real HTTP."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from fastapi import FastAPI
from tests.site.kit import CONFIG, bench
from typer.testing import CliRunner

from chargebridge.app.commands import forecast as command
from chargebridge.app.web.access import Access
from chargebridge.app.web.api import Guard, add_api
from chargebridge.app.web.forecast_panel import STEPS, series
from chargebridge.app.web.shown import forecasts as shown
from chargebridge.planning.forecast.grid import slot_of, start_of
from chargebridge.planning.problem import Horizon
from chargebridge.site import journal
from chargebridge.site.forecasts import journal as kept
from chargebridge.site.view import HistoryPoint

TOKEN = "a token for the tests of forecasts"
METERED = CONFIG.replace('name = "Main"', 'name = "Main"\nmeter = "m"') + '\n[[meter]]\nid = "m"\nurl = "tcp://127.0.0.1:1"\n'


def sample(at: datetime) -> HistoryPoint:
    house = 2000.0 if at.hour == 18 else 500.0
    return HistoryPoint(at=at, grid_w=house, pv_w=None, battery_w=None, house_w=house, cars_w=0.0, limit_w=None)


async def test_what_is_expected_and_how_it_did_is_told_everywhere(tmp_path: Path) -> None:
    async with bench(tmp_path, text=METERED) as made:
        service, office = made.site.service, made.site.forecasts
        now = start_of(slot_of(service.view().at))
        moments = [now - timedelta(minutes=15 * n) for n in range(1, 9 * 96)]
        await made.database.write(lambda c: [journal.keep_sample(c, sample(at)) for at in moments])
        await office.turn()
        made_at = now - timedelta(hours=26)  # a forecast as it was kept the day before yesterday
        standing = office.standing.load
        steps = Horizon(starts_at=made_at, steps_s=(900.0,) * 96)
        band = dict.fromkeys(("low", "likely", "high"), (900.0,) * 96)
        old = type(standing)(made_at=made_at, horizon=steps, band=type(standing.band)(**band), method="seasonal", why="")
        await made.database.write(lambda c: kept.keep(c, "load", old, made_at + timedelta(days=1)))
        await office.turn()

        client = await made.station()
        await made.start(client, at=now.isoformat())
        app = FastAPI()
        add_api(app, service, Guard(service, Access(password_hash="none", api_token=TOKEN)))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}) as web:
                told, cars = (await web.get("/forecasts")).json()
                assert cars["kind"] == "cars"
                assert told["kind"] == "load"
                assert max(told["likely_w"]) > 1500
                (record,) = (await web.get("/forecasts/records")).json()
                assert record["mae"] == (23 * 400 + 1100) / 24
                assert record["coverage"] == 0.0
                assert record["naive_mae"] == 0.0
                assert [row["method"] for row in (await web.get("/forecasts/scores")).json()] == ["seasonal"]
                assert (await web.get("/forecasts/drivers")).status_code == 404
                assert (await web.get("/points/a/guess")).status_code == 404
                assert (await web.get("/sources")).json() == []
                assert (await httpx.AsyncClient().get(f"{url}/api/v1/forecasts")).status_code == 401

            async def run(*words: str) -> tuple[list[Any], str]:
                done = await asyncio.to_thread(CliRunner().invoke, command.app, [*words, "--url", url, "--token", TOKEN])
                assert done.exit_code == 0, done.output
                return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")], done.output

            (scored,), _ = await run("score", "--json")
            assert scored["mae"] == record["mae"]
            assert "naive W" in (await run("score", "--each"))[1]
            assert "seasonal" in (await run("show", "--json"))[0][0]["why"] or "persistence" in told["why"]
            assert "+23 h" in (await run("show"))[1]
        finally:
            server.should_exit = True
            await running

        view = service.view()
        facts = shown.facts(office.forecasts(), await office.records(), office.drivers(), office.sources(), view)
        assert "off by" in facts["kinds"][0]["score"]
        assert "0 % of what came" in facts["kinds"][0]["score"]
        lines = series(office.forecasts(), ZoneInfo("UTC"))
        assert [len(line["data"]) for line in lines] == [STEPS] * 6
        low, spread, likely = (line["data"] for line in lines[:3])
        assert all(a[1] - 0.011 <= c[1] <= a[1] + b[1] + 0.011 for a, b, c in zip(low, spread, likely, strict=True))
