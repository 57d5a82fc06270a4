"""Reads the recorded datagrams, which are not in this repository (CHARGEBRIDGE_VECTORS, eebus/README.md there)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[5] / "shared" / "vectors")) / "eebus"
ABSENT = f"no recorded datagrams: {VECTORS} is not there; set CHARGEBRIDGE_VECTORS"
FILES = sorted(
    file
    for folder in ("spine-go", "eebus-go", "openeebus", "jeebus-spine", "enbility-devices", "captured")
    for file in VECTORS.glob(f"{folder}/*.json*")
)


def datagrams(file: Path) -> Iterator[dict[str, Any]]:
    """Every ``{"datagram": ...}`` in a file of vectors, as JSON has it."""
    lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    for line in lines:
        yield from _inside(json.loads(line))


def compact(message: dict[str, Any]) -> bytes:
    """As it is on the wire: some files hold plain JSON, and most are indented."""
    if isinstance(message["datagram"], dict):
        message = {"datagram": _listed(message["datagram"])}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return [{key: _listed(inner)} for key, inner in value.items()]
    return [_listed(inner) for inner in value] if isinstance(value, list) else value


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "datagram" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _inside(inner)
