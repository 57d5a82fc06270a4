"""Addresses that cannot be are told before anything is opened."""

import pytest

from chargebridge.meters import MeterError, open_meter, open_source
from chargebridge.meters.address import parse
from chargebridge.meters.registry import TRANSPORTS


@pytest.mark.parametrize(("url", "reason"), [
    ("mqtt://host", "scheme 'mqtt' is unknown"),
    ("tcp://", "host and port are missing"),
    ("tcp://host", "host and port are missing"),
    ("tcp://host:99999", "cannot be read"),
    ("tcp://host:1?silence=soon", "silence=soon cannot be"),
    ("tcp://host:1?silence=-1", "silence=-1 cannot be"),
    ("tcp://host:1?speed=2", "unknown setting speed"),
    ("tcp://host:1?protocol=morse", "protocol 'morse' is unknown"),
    ("tcp://host:1?kamstrup_energy=5", "kamstrup_energy cannot be read"),
    ("serial://", "the device is missing"),
    ("serial:///dev/ttyUSB0?format=9X1", "the format cannot be read"),
    ("serial:///dev/ttyUSB0?baud=fast", "baud=fast cannot be"),
    ("file://", "the path is missing"),
    ("file:///nowhere/capture.bin", "there is no such file"),
    ("/dev/ttyUSB0", "is unknown"),
])  # fmt: skip
def test_bad_address(url, reason, clock):
    with pytest.raises(MeterError) as caught:
        open_meter(url, "grid", clock)
    assert reason in str(caught.value)
    assert caught.value.cure


def test_settings_are_read(clock):
    address = parse("tcp://[::1]:2001?protocol=p1&clock_offset=2&kamstrup_energy=1", frozenset())
    assert (address.host, address.port, address.protocol) == ("::1", 2001, "p1")
    assert address.options.standard_offset.total_seconds() == 7200
    assert address.options.kamstrup_energy_scaler == 0
    assert open_source("serial:///dev/ttyUSB0?baud=9600&format=7e1", clock).where == "serial:///dev/ttyUSB0"
    assert set(TRANSPORTS) == {"serial", "tcp", "file"}
