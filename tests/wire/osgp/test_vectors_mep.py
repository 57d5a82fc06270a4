"""The published exchanges: our packets are theirs byte for byte, and their answers are believed; the one whose key is not published is not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chargebridge.wire.meter import DecodeError, ErrorKind
from chargebridge.wire.osgp import Answer, MepClient, Repeat, tables
from chargebridge.wire.osgp.digest import digest
from chargebridge.wire.osgp.packet import Code, Packet, PacketFramer, partial_read, signed

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "osgp_mep"
_FILES = sorted(VECTORS.glob("*.expected.json"))
_ABSENT = pytest.param(None, marks=pytest.mark.skip(reason=f"no captures in {VECTORS}; CHARGEBRIDGE_VECTORS names another place"))


@pytest.fixture(params=_FILES or [_ABSENT], ids=lambda path: path.stem if path else "absent")
def vector(request) -> dict[str, Any]:
    expected = json.loads(request.param.read_text())
    exchange = json.loads((request.param.parent / expected["file"]).read_text())
    return {**expected, **{name: bytes.fromhex(text) for name, text in exchange.items()}}


def asked(request: bytes) -> tuple[int, int, int, int]:
    """Table, offset, count and sequence number of a partial read."""
    (packet,) = PacketFramer().feed(request)
    assert isinstance(packet, Packet)
    body = packet.body
    assert body[0] == Code.PARTIAL_READ
    fields = body[1:3], body[3:6], body[6:8], body[8:12]
    table, offset, count, sequence = (int.from_bytes(field, "big") for field in fields)
    return table, offset, count, sequence


def test_vector(vector):
    table, offset, count, sequence = asked(vector["request"])
    if "key" not in vector:
        client = MepClient(bytes(16), sequence)
        client.read(table, offset, count)
        (refused,) = client.receive(vector["response"])
        assert isinstance(refused, DecodeError)
        assert refused.kind is ErrorKind.KEY
        return
    key = bytes.fromhex(vector["key"])
    client = MepClient(key, sequence)
    assert client.read(table, offset, count) == vector["request"]
    assert f"{table:04x}" == vector["table"]
    if "digest" in vector:
        assert digest(vector["request"][2:-8], key).hex() == vector["digest"]
        assert (offset, count) == (vector["offset"], vector["count"])
        return
    (found,) = client.receive(vector["response"])
    if vector["response_code"] == "0c":
        named = vector["response"][3:7]
        assert found == Repeat(signed(b"", partial_read(table, offset, count) + named, key))
        (found,) = client.receive(signed(partial_read(table, offset, count) + named, vector["response"][2:-8], key))
        told_again = (int.from_bytes(named, "big") + 1).to_bytes(4, "big")
        assert found == Repeat(signed(b"", partial_read(table, offset, count) + told_again, key)), "as the guide's next example goes on"
        return
    assert found == Answer(table, offset, vector["response"][5:-8])
    if "bt23_int32_le" in vector:
        registers = tables.registers(found.data, tables.ENERGIES)
        assert [register.raw for register in registers.values()] == vector["bt23_int32_le"]
        assert registers["1-0:1.8.0"].unit == "Wh"
        assert registers["0-0:96.7.15"].value == vector["bt23"]["power_outage_s"]
        assert registers["0-0:96.7.21"].value == vector["bt23"]["power_outages"]
        assert registers["0-0:97.97.0"].value == vector["bt23"]["error_counter"]


def test_clock_of_the_guides_example(vector):
    """Appendix A reads BT52; its key is not published, so that only its form can be looked at."""
    if vector["kind"] == "mep_exchange_nokey":
        assert tables.clock(vector["response"][5:-8]).isoformat() == "2004-02-16T15:59:55+00:00"
