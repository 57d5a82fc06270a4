"""The real captures, where they are at hand: ``CHARGEBRIDGE_VECTORS``, or ``shared/vectors`` beside the repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters"
_FOLDERS = {
    "p1_vector": "p1_dsmr",
    "sml_vector": "sml",
    "han_vector": "norway_han_dlms",
    "cii_vector": "switzerland_lg_e450",
    "kamstrup_vector": "denmark_kamstrup_dlms",
    "austria_vector": "austria_mbus_dlms",
    "iskra_vector": "slovenia_croatia_iskra",
    "tic_vector": "linky_tic",
    "d0_vector": "d0_iec62056_21",
}


class Vector:
    """One capture with what it must decode to."""

    def __init__(self, expected: Path) -> None:
        self.expected: dict[str, Any] = json.loads(expected.read_text())
        self.path = expected.parent / self.expected["file"]

    @property
    def data(self) -> bytes:
        raw = self.path.read_bytes()
        return bytes.fromhex(raw.decode("ascii")) if self.path.suffix == ".hex" else raw


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, folder in _FOLDERS.items():
        if fixture in metafunc.fixturenames:
            vectors = [Vector(path) for path in sorted((VECTORS / folder).glob("*.expected.json"))]
            if vectors:
                metafunc.parametrize(fixture, vectors, ids=[vector.path.stem for vector in vectors])
            else:
                reason = f"no captures in {VECTORS / folder}; CHARGEBRIDGE_VECTORS names another place"
                metafunc.parametrize(fixture, [pytest.param(None, marks=pytest.mark.skip(reason=reason))])
