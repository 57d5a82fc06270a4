"""The guides for meters of one's own say what is so: maps, addresses, examples."""

import re
from pathlib import Path

import pytest

from chargebridge.meters.json_values.collector import PACKAGE as VALUES
from chargebridge.meters.map_file import names, parse
from chargebridge.meters.registry import open_source
from chargebridge.wire import json_values, modbus

GUIDES = Path(__file__).parents[2] / "docs" / "meters"
ANY = (GUIDES / "any-country.md").read_text(encoding="utf-8")
ADDRESSES = re.findall(r"`((?:modbus|modbus-serial|mqtt|http|chain2)://[^`]+)`", ANY + (GUIDES / "italy.md").read_text(encoding="utf-8"))


def test_every_map_is_named():
    told = set(re.findall(r"[`=]([a-z0-9]+(?:-[a-z0-9]+)*)`", ANY))
    assert {*names("chargebridge.meters.modbus"), *names(VALUES), "sunspec"} <= told | set(re.findall(r"map=([\w-]+)", ANY))


@pytest.mark.parametrize("address", [address for address in ADDRESSES if "?" in address or address.startswith("chain2")])
def test_addresses_can_be_opened(address, clock, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    assert open_source(re.sub(r"_file=[^&]+", f"_file={secret}", address), clock).where


def test_the_examples_are_maps():
    registers, values = re.findall(r"```text\n(title.*?)```", ANY, re.S)
    assert len(parse(registers, "guide", modbus.RegisterMap, modbus.check).registers) == 4
    assert len(parse(values, "guide", json_values.ValueMap, json_values.check).values) == 3
