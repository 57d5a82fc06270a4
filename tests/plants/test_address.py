"""Addresses of plants, checked before anything is opened."""

import pytest

from chargebridge.model.circuit import Battery
from chargebridge.plants import PlantError, open_battery
from chargebridge.plants.address import ModbusAddress, parse
from chargebridge.sim.world.clock import WallClock

BATTERY = Battery(id="b", name="B", circuit="main", charge_max_w=1, discharge_max_w=1, capacity_wh=1, reserve_wh=0)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("modbus+tcp://battery.local", ModbusAddress("battery.local", 502, 1)),
        ("modbus+tcp://10.0.0.7:1502?unit=126", ModbusAddress("10.0.0.7", 1502, 126)),
        ("modbus+tcp://[fe80::1]:502/?unit=0", ModbusAddress("fe80::1", 502, 0)),
    ],
)
def test_addresses(url: str, address: ModbusAddress):
    assert parse(url) == address
    assert open_battery(BATTERY, url, WallClock()).id == "b"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("modbus+tcp://", "needs a host"),
        ("modbus+tcp://h:99999", "cannot be read"),
        ("modbus+tcp://h?unit=256", "unit 256"),
        ("modbus+tcp://h?unit=one", "cannot be read"),
        ("modbus+tcp://h?unit", "cannot be read"),
        ("modbus+tcp://h?baud=9600", "knows the setting unit only"),
        ("modbus+tcp://h/path", "needs a host"),
        ("modbus+tcp://me@h", "needs a host"),
        ("http://h", "scheme 'http' is unknown; begin with one of modbus[+]tcp://"),
        ("", "scheme '' is unknown"),
    ],
)
def test_addresses_that_cannot_be(url: str, reason: str):
    with pytest.raises(PlantError, match=reason):
        open_battery(BATTERY, url, WallClock())
