"""Whatever a virtual meter enciphers, its key opens, and only its key; and the committed samples still say the same.

``python tests/sim/telegrams/test_enciphered.py`` writes the samples anew after a deliberate change.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargebridge.sim.telegrams import austria, han, p1
from chargebridge.sim.telegrams.enciphered import Keys, in_hdlc, in_mbus, in_p1, in_polish_p1
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter import DecodeError, DecoderOptions, ErrorKind, Protocol, Telegram, decoder_for
from chargebridge.wire.meter.security import P1_AUTHENTICATION_KEY

DATA = Path(__file__).parents[2] / "wire" / "meter" / "data"
KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
KAMSTRUP = Keys(title=b"KAM\x45\x00\xbc\x61\x4e", key=KEY, authentication_key=AUTHENTICATION_KEY)
KAIFA = Keys(title=b"KFM\x10\x20\x00\x00\x01", key=KEY)
KAIFA_TIROL = Keys(title=b"KFM\x10\x20\x00\x00\x02", key=KEY, suite=1)
SAGEMCOM = Keys(title=b"SAGY\x05\x00\x00\x01", key=KEY)
LANDIS = Keys(title=b"LGZgr\x00\x00\x01", key=KEY, authentication_key=AUTHENTICATION_KEY)
ISKRA = Keys(title=b"ISKit\x00\x00\x01", key=KEY)
P1_PORT = Keys(title=b"SAG5\x00\x00\x00\x01", key=KEY, authentication_key=P1_AUTHENTICATION_KEY)

VALUES = MeterValues(
    at=datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC),
    meter_id="12345678",
    power_import_w=3451,
    power_export_w=0,
    power_w_phases=(2300, -149, 1300),
    current_a=(10.05, 0.71, 5.62),
    voltage_v=(230, 229, 231),
    energy_import_wh=12_345_670,
    energy_export_wh=98_760,
    reactive_export_var=215,
    reactive_energy_import_varh=1_230,
    reactive_energy_export_varh=456_780,
)
METERS = {
    "denmark": (KAMSTRUP, Protocol.DLMS, "kamstrup", lambda values, counter: in_hdlc(han.kamstrup_push_1(values), KAMSTRUP, counter)),
    "netz_noe_kaifa": (KAIFA, Protocol.DLMS_MBUS, "austria", lambda values, counter: in_mbus(austria.netz_noe(values), KAIFA, counter)),
    "netz_noe_sagemcom": (
        SAGEMCOM,
        Protocol.DLMS_MBUS,
        "austria",
        lambda values, counter: in_mbus(austria.netz_noe(values), SAGEMCOM, counter),
    ),
    "tirol": (KAIFA_TIROL, Protocol.DLMS_MBUS, "austria", lambda values, counter: in_mbus(austria.tirol(values), KAIFA_TIROL, counter)),
    "burgenland": (LANDIS, Protocol.DLMS, "burgenland", lambda values, counter: in_hdlc(austria.burgenland(values), LANDIS, counter)),
    "wien": (ISKRA, Protocol.DLMS, "wien", lambda values, counter: in_hdlc(austria.wien(values), ISKRA, counter)),
    "p1": (P1_PORT, Protocol.P1, "p1", lambda values, counter: in_p1(p1.encode(values, current_decimals=2), P1_PORT, counter)),
    "p1_poland": (P1_PORT, Protocol.P1, "p1", lambda values, _: in_polish_p1(p1.encode(values, current_decimals=2), P1_PORT)),
}
"""Name: keys, protocol, profile, and what sends values with a counter."""
SAMPLES = {f"enciphered_{name}.bin": send(VALUES, 7) for name, (*_, send) in METERS.items()}
meters = pytest.mark.parametrize("name", METERS)


def decoded(data: bytes, keys: Keys, protocol: Protocol | None = None) -> list[Telegram | DecodeError]:
    decoder = decoder_for(protocol, DecoderOptions(key=keys.key, authentication_key=keys.authentication_key))
    return decoder.feed(data) + decoder.close()


@st.composite
def meter_values(draw: st.DrawFn) -> MeterValues:
    """Values on the coarsest grid of all these meters: whole volts, 10 Wh."""
    net = draw(st.integers(-60_000, 60_000))
    energy = st.integers(0, 99_999_999).map(lambda raw: raw * 10)

    def phases(figure: st.SearchStrategy[float]) -> tuple[float, float, float]:
        return draw(figure), draw(figure), draw(figure)

    return MeterValues(
        at=draw(st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31))).replace(microsecond=0, tzinfo=UTC),  # noqa: DTZ001
        meter_id=f"{draw(st.integers(0, 99_999_999)):08d}",
        power_import_w=max(0, net),
        power_export_w=max(0, -net),
        power_w_phases=phases(st.integers(-25_000, 25_000)),
        current_a=phases(st.integers(0, 15_000).map(lambda raw: raw / 100)),
        voltage_v=phases(st.integers(180, 260)),
        energy_import_wh=draw(energy),
        energy_export_wh=draw(energy),
    )


@meters
@given(values=meter_values(), counter=st.integers(0, 0xFFFFFFFF))
def test_what_is_enciphered_is_read(name, values, counter):
    keys, protocol, profile, send = METERS[name]
    (telegram,) = decoded(send(values, counter), keys)
    assert isinstance(telegram, Telegram)
    assert (telegram.protocol, telegram.profile) == (protocol, profile)
    assert telegram.authenticated is (keys.authentication_key is not None)
    assert telegram.counter == (0 if name == "p1_poland" else counter)
    assert telegram.crc_ok is (None if name == "p1_poland" else True)
    found = {code.rpartition(":")[2]: register.value for code, register in telegram.registers.items()}
    assert (found["1.7.0"], found["2.7.0"]) == (values.power_import_w, values.power_export_w)
    tariff = "1" if protocol is Protocol.P1 else "0"
    energies = found[f"1.8.{tariff}"], found[f"2.8.{tariff}"]
    assert energies == (Decimal(values.energy_import_wh), Decimal(values.energy_export_wh))
    if name != "wien":
        assert [found[f"{c}.7.0"] for c in (31, 51, 71)] == list(values.current_a)
        assert [found[f"{c}.7.0"] for c in (32, 52, 72)] == list(values.voltage_v)
        assert telegram.meter_id in (values.meter_id, str(int(values.meter_id)))
    if name in ("denmark", "p1", "p1_poland"):
        assert tuple(found[f"{c}.7.0"] - found[f"{c + 1}.7.0"] for c in (21, 41, 61)) == values.power_w_phases
    assert telegram.clock == values.at


@meters
@given(key=st.binary(min_size=16, max_size=16))
@example(key=bytes.fromhex("cf792f25a7b08ec036ccd90c20e34c75"))  # makes Wien's telegram begin like a P1 one
def test_another_key_gives_no_value(name, key):
    keys, protocol, _, send = METERS[name]
    for found in (protocol, None):
        for authentication_key in (keys.authentication_key, None):
            wrong = Keys(title=keys.title, key=key, authentication_key=authentication_key)
            (event,) = decoded(send(VALUES, 7), wrong, found)
            assert isinstance(event, DecodeError)
            assert event.kind is ErrorKind.KEY
            assert "key_file" in event.cure


def described(data: bytes, keys: Keys) -> dict:
    (telegram,) = decoded(data, keys)
    assert isinstance(telegram, Telegram)
    return {
        "protocol": telegram.protocol,
        "profile": telegram.profile,
        "device": telegram.device,
        "meter_id": telegram.meter_id,
        "clock": None if telegram.clock is None else telegram.clock.isoformat(),
        "crc_ok": telegram.crc_ok,
        "authenticated": telegram.authenticated,
        "counter": telegram.counter,
        "registers": {code: [str(register.value), register.unit, register.scale] for code, register in telegram.registers.items()},
    }


@meters
def test_samples(name):
    """The encoder writes the same bytes as ever, and the decoder reads the same values."""
    data = (DATA / f"enciphered_{name}.bin").read_bytes()
    assert data == SAMPLES[f"enciphered_{name}.bin"]
    assert described(data, METERS[name][0]) == json.loads((DATA / "enciphered.json").read_text())[name]


if __name__ == "__main__":
    for file_name, content in SAMPLES.items():
        (DATA / file_name).write_bytes(content)
    made = {name: described(SAMPLES[f"enciphered_{name}.bin"], keys) for name, (keys, *_) in METERS.items()}
    (DATA / "enciphered.json").write_text(json.dumps(made, indent=1) + "\n")
