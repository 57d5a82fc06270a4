"""Every real capture is named right by `meter detect`, without being told anything: whoever has a file need not know what it is."""

import json
import os
from pathlib import Path

import pytest

from chargebridge.app.commands.meter_detect import name
from chargebridge.meters.files import decode_file
from chargebridge.wire.meter import DecodeError, ErrorKind

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "meters"
PROTOCOLS = {
    "austria_mbus_dlms": {"dlms-mbus", "dlms-apdu"},
    "chain2": {"chain2"},
    "d0_iec62056_21": {"d0"},
    "denmark_kamstrup_dlms": {"dlms", "dlms-apdu"},
    "linky_tic": {"tic"},
    "norway_han_dlms": {"dlms", "dlms-apdu"},
    "osgp_mep": {"mep"},
    "p1_dsmr": {"p1"},
    "slovenia_croatia_iskra": {"dlms", "dlms-apdu"},
    "smgw_han": {"smgw"},
    "sml": {"sml"},
    "switzerland_lg_e450": {"dlms", "dlms-apdu"},
}
"""Folder: what its files may be."""
OTHERWISE = {
    "dsmrpy_telegram_esy5q3db1024_v304.txt": {"d0"},  # an EasyMeter's D0 push, which the peer reads by a P1 specification
    "netznoe_official_apdu.hex": {"p1"},  # without its frame and its key it looks like an enciphered P1 telegram
    "neg_kamstrup_gh355-1.hex": {None},  # wrong parity has spoiled the header, by which a frame is known
    "neg_kamstrup_gh362-1.hex": {None},
    "synthetic_sinapsi_snapshot_a.json": {None},  # an image of Modbus registers, read in tests/wire/modbus
}
CAPTURES = [
    pytest.param(path.parent / json.loads(path.read_text())["file"], folder, id=f"{folder}/{path.stem.removesuffix('.expected')}")
    for folder in PROTOCOLS
    for path in sorted((VECTORS / folder).glob("*.expected.json"))
] or [pytest.param(None, "", marks=pytest.mark.skip(reason=f"no captures in {VECTORS}; CHARGEBRIDGE_VECTORS names another place"))]


@pytest.mark.parametrize(("capture", "folder"), CAPTURES)
def test_a_capture_is_named(capture: Path, folder: str) -> None:
    events = list(decode_file(capture))
    named = name(capture.name, events)
    assert named.protocol in OTHERWISE.get(capture.name, PROTOCOLS[folder])
    errors = [event for event in events if isinstance(event, DecodeError)]
    assert named.telegrams or errors, "neither a telegram nor a reason why not"
    if "enc_nokey" in capture.name and any(error.kind is ErrorKind.KEY for error in errors):
        assert "system title" in (named.needs or ""), "which meter's key to ask for"
    if capture.name.startswith("neg_"):
        assert not named.telegrams
