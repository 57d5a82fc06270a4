"""A snapshot of a Sinapsi Alfa's registers against the values that it stands for."""

import json
import os
from pathlib import Path

import pytest

from chargebridge.meters.map_file import parse
from chargebridge.wire.modbus import RegisterMap, batches, check, values

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "chain2"
MAP = Path(__file__).parents[3] / "src/chargebridge/meters/modbus/maps/sinapsi-alfa.toml"
CODES = {
    "power_import": "1-0:1.7.0",
    "energy_import": "1-0:1.8.0",
    "power_import_15min_avg": "1-0:1.5.0",
    "power_export": "1-0:2.7.0",
    "energy_export": "1-0:2.8.0",
    "power_export_15min_avg": "1-0:2.5.0",
    **{f"energy_import_yesterday_f{band}": f"0-0:94.39.{50 + band}" for band in range(1, 7)},
    **{f"energy_export_yesterday_f{band}": f"0-0:94.39.{60 + band}" for band in range(1, 7)},
    "tariff_band": "0-0:96.14.0",
    "power_production": "0-0:94.39.70",
    "energy_production": "0-0:94.39.71",
}


@pytest.mark.skipif(not VECTORS.exists(), reason=f"no captures in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")
def test_snapshot():
    image = {int(at): word for at, word in json.loads((VECTORS / "synthetic_sinapsi_snapshot_a.json").read_text()).items()}
    expected = json.loads((VECTORS / "synthetic_sinapsi_snapshot_a.expected.json").read_text())
    chosen = parse(MAP.read_text(), "sinapsi-alfa", RegisterMap, check)
    found = {}
    for batch in batches(chosen):
        found |= values(chosen, batch, [image.get(at, 0) for at in range(batch.at, batch.at + batch.count)])
    assert {name: found[code].value for name, code in CODES.items()} == {name: expected["values"][name] for name in CODES}
    assert expected["event"] == "none"
    assert not {"0-0:94.39.21", "0-0:94.39.22"} & set(found)


@pytest.mark.skipif(not VECTORS.exists(), reason=f"no captures in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")
def test_the_map_is_the_published_one():
    rows = [line.split(",") for line in (VECTORS / "sinapsi_alfa_registers.csv").read_text().splitlines()[1:]]
    published = {(int(row[0]), row[1].replace("u", "uint")) for row in rows}
    assert {(entry.at, str(entry.type)) for entry in parse(MAP.read_text(), "sinapsi-alfa", RegisterMap, check).registers} == published
