"""Every recorded datagram comes back byte for byte (vectors/eebus below CHARGEBRIDGE_VECTORS)."""

import json as plain_json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chargebridge.wire.eebus import json

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "eebus"

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason=f"no datagrams in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")

SEVERAL_IN_ONE = "empty-array-of-objects-with-unknown-properties.json"


def compact(value: Any) -> bytes:
    """The bytes as they were on the wire: captures are kept parsed, in the order in which they came."""
    return plain_json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def on_the_wire() -> Iterator[tuple[str, bytes]]:
    """Datagrams as EEBUS JSON; those that came in a SHIP data message, out of it."""
    for path in sorted((VECTORS / "openeebus").glob("*.json")):
        yield path.name, path.read_bytes()
    for path in sorted((VECTORS / "jeebus-spine").glob("*.json")):
        yield path.name, compact(plain_json.loads(path.read_bytes()))
    for path in sorted((VECTORS / "captured").glob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            wire = plain_json.loads(line)["wire"]
            if isinstance(wire, dict) and "data" in wire:
                wire = wire["data"][1]["payload"]
            if isinstance(wire, dict) and "datagram" in wire:
                yield f"{path.name}:{number}", compact(wire)


def test_every_datagram_comes_back_byte_for_byte() -> None:
    datagrams = list(on_the_wire())
    assert len(datagrams) == 312 + 6 + 326 + 107  # the guide's 638 are those of openeebus and those within SHIP
    assert [name for name, wire in datagrams if json.encode(json.decode(wire)) != wire] == [SEVERAL_IN_ONE]


def test_several_elements_in_one_object_are_spelled_singly() -> None:
    wire = dict(on_the_wire())[SEVERAL_IN_ONE]
    assert b'{"unknownField":false,"unknownFieldArray":[1,2,3],' in wire
    assert b'{"unknownField":false},{"unknownFieldArray":[1,2,3]},' in json.encode(json.decode(wire))


def test_recordings_kept_as_plain_json_survive_the_wire_form() -> None:
    paths = [path for folder in ("spine-go", "eebus-go", "enbility-devices") for path in sorted((VECTORS / folder).glob("*.json"))]
    assert len(paths) == 22 + 5 + 23
    for path in paths:
        message = plain_json.loads(path.read_bytes())
        assert absent(json.decode(json.encode(message))) == absent(message), path.name


def absent(value: Any) -> Any:
    """[] and {} are the same on the wire."""
    if isinstance(value, dict):
        return {name: absent(part) for name, part in value.items()} or []
    return [absent(part) for part in value] if isinstance(value, list) else value
