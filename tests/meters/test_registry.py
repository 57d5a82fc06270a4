"""Addresses that cannot be are told before anything is opened."""

import pytest

from chargebridge.meters.address import parse
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import TRANSPORTS, check_url, open_source


@pytest.mark.parametrize(("url", "reason"), [
    ("carrier-pigeon://host", "scheme 'carrier-pigeon' is unknown"),
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
def test_bad_address(url, reason, refused):
    refused(url, reason)


def test_settings_are_read(clock):
    address = parse("tcp://[::1]:2001?protocol=p1&clock_offset=2&kamstrup_energy=1", frozenset())
    assert (address.host, address.port, address.protocol) == ("::1", 2001, "p1")
    assert address.options.standard_offset.total_seconds() == 7200
    assert address.options.kamstrup_energy_scaler == 0
    assert open_source("serial:///dev/ttyUSB0?baud=9600&format=7e1", clock).where == "serial:///dev/ttyUSB0"
    assert set(TRANSPORTS) >= {"serial", "rfc2217", "tcp", "file"}


KEY = "00112233445566778899aabbccddeeff"


def test_keys_come_from_files_and_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(f"{KEY.upper()}\n")
    monkeypatch.setenv("METER_AUTH", KEY)
    options = check_url(f"tcp://h:1?key_file={file}&auth_key_env=METER_AUTH").options
    assert (options.key, options.authentication_key) == (bytes.fromhex(KEY), bytes.fromhex(KEY))
    assert KEY not in repr(options)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("key_file=/nowhere/key", "cannot be read"),
        ("key_env=NOT_THERE", "is not in the environment"),
        ("key_env=SHORT", "no key of 16 bytes"),
        ("key_env=SHORT&key_file=/x", "both set"),
    ],
)
def test_keys_that_cannot_be_are_told_before_anything_is_opened(settings, reason, monkeypatch):
    monkeypatch.setenv("SHORT", "0011")
    with pytest.raises(MeterError, match=reason):
        check_url(f"tcp://h:1?{settings}")
