"""Runs in an environment of its own: their client asks once and says in JSON what it read."""

import asyncio
import json
import logging
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from py_ppc_smgw import PPCSMGWClient


async def main(url: str, start: str, end: str, password: str) -> dict[str, Any]:
    async with (
        httpx.AsyncClient(verify=False) as http,
        PPCSMGWClient(url, "user", password, http, logging.getLogger("peer")) as client,
    ):
        meters = await client.get_meters()
        told: dict[str, Any] = {"meters": [meter.name for meter in meters]}
        for code, reading in (await client.get_meter_reading(meters[0])).items():
            told[f"{code.a}-{code.b}:{code.c}.{code.d}.{code.e}"] = reading.value
        spans = (datetime.fromisoformat(at).astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%d %H:%M:%S") for at in (start, end))
        entries = await client.export_meter_values(meters[0], *spans)
        told["export"] = [int(entry.value) for entry in entries if entry.obis.c == 1 and entry.signature]
        return told


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
