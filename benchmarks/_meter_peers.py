"""Decoders from PyPI that deliver checked and scaled values of meter telegrams, each brought to one shape.

``decode(parts)`` is what is timed: it takes telegrams and ends with every value computed. ``values(result)`` brings the result to one dict a
telegram, OBIS code ``C.D.E`` to W, A, V, Wh, and is not timed. A peer whose module is not installed is left out and said so.
"""

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, NamedTuple

Values = list[dict[str, float]]


class Peer(NamedTuple):
    """make: imports the module and returns ``decode``."""

    name: str
    module: str
    make: Callable[[], Callable[[list[bytes]], Any]]
    values: Callable[[Any], Values]

    @property
    def installed(self) -> bool:
        return find_spec(self.module) is not None


def _numbers(pairs: Iterable[tuple[str, object]]) -> dict[str, float]:
    return {code: float(value) for code, value in pairs if isinstance(value, int | float) and not isinstance(value, bool)}


# amshan 2: HDLC reader and decoder of the Norwegian lists.
_AMSHAN = {
    "active_power_import": "1.7.0", "active_power_export": "2.7.0", "current_l1": "31.7.0", "current_l2": "51.7.0", "current_l3": "71.7.0",
    "voltage_l1": "32.7.0", "voltage_l2": "52.7.0", "voltage_l3": "72.7.0",
    "active_power_import_total": "1.8.0", "active_power_export_total": "2.8.0",
}  # fmt: skip


def _amshan() -> Callable[[list[bytes]], Any]:
    from han.autodecoder import AutoDecoder
    from han.hdlc import HdlcFrameReader

    def decode(parts: list[bytes]) -> list[dict]:
        decoder, reader = AutoDecoder(), HdlcFrameReader(False)
        return [decoder.decode_message(frame) for part in parts for frame in reader.read(part) if frame.is_valid]

    return decode


AMSHAN = Peer(
    "amshan", "han", _amshan, lambda result: [_numbers((code, found.get(name)) for name, code in _AMSHAN.items()) for found in result]
)


# dsmr-parser: one telegram at a time.
_DSMR = {
    "CURRENT_ELECTRICITY_USAGE": "1.7.0", "CURRENT_ELECTRICITY_DELIVERY": "2.7.0", "ELECTRICITY_USED_TARIFF_1": "1.8.1",
    "ELECTRICITY_DELIVERED_TARIFF_1": "2.8.1", "INSTANTANEOUS_VOLTAGE_L1": "32.7.0", "INSTANTANEOUS_VOLTAGE_L3": "72.7.0",
    "INSTANTANEOUS_CURRENT_L2": "51.7.0", "INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE": "21.7.0",
    "INSTANTANEOUS_ACTIVE_POWER_L3_NEGATIVE": "62.7.0",
}  # fmt: skip


def _dsmr() -> Callable[[list[bytes]], Any]:
    from dsmr_parser import telegram_specifications
    from dsmr_parser.parsers import TelegramParser

    parser = TelegramParser(telegram_specifications.V5)
    return lambda parts: [parser.parse(part.decode("ascii")) for part in parts]


def _dsmr_values(result: Any) -> Values:
    found = []
    for telegram in result:
        objects = {code: getattr(telegram, name) for name, code in _DSMR.items()}
        found.append({code: float(item.value) * (1000 if item.unit.startswith("k") else 1) for code, item in objects.items()})
    return found


DSMR_PARSER = Peer("dsmr-parser", "dsmr_parser", _dsmr, _dsmr_values)


# pysml: one file at a time.
def _pysml() -> Callable[[list[bytes]], Any]:
    import sml as pysml

    return lambda parts: [pysml.SmlBase.parse_frame(part)[1] for part in parts]


def _pysml_values(result: Any) -> Values:
    found = []
    for frame in result:
        (body,) = (message["messageBody"] for message in frame if "valList" in (message.get("messageBody") or {}))
        found.append(_numbers((entry["objName"].partition(":")[2].partition("*")[0], entry["value"]) for entry in body["valList"]))
    return found


PYSML = Peer("pysml", "sml", _pysml, _pysml_values)


# smllib: a stream reader, whose short way skips the messages around the list.
def _smllib() -> Callable[[list[bytes]], Any]:
    from smllib import SmlStreamReader

    def decode(parts: list[bytes]) -> list[list[tuple[Any, Any]]]:
        reader, found = SmlStreamReader(), []
        for part in parts:
            reader.add(part)
            while (frame := reader.get_frame()) is not None:
                found.append([(item.obis, item.get_value()) for item in frame.get_obis()])
        return found

    return decode


def _smllib_code(obis: Any) -> str:
    return ".".join(str(byte) for byte in bytes.fromhex(obis)[2:5])


SMLLIB = Peer(
    "smllib get_obis", "smllib", _smllib, lambda result: [_numbers((_smllib_code(obis), value) for obis, value in one) for one in result]
)


# pydlms-client: push decoder for HDLC and M-Bus streams, and a reader of P1 telegrams.
def pydlms(framing: str, key: bytes | None = None, authentication_key: bytes | None = None, profile: str | None = None) -> Peer:
    """A push decoder. profile: the name of the layout that the person has to choose, where the list has no codes."""

    def make() -> Callable[[list[bytes]], Any]:
        from pydlms.profiles import get_profile
        from pydlms.push import PushDecoder
        from pydlms.security.context import SecurityContext

        def decode(parts: list[bytes]) -> list[Any]:
            security = None
            if key is not None:
                security = SecurityContext(encryption_key=key, authentication_key=authentication_key, policy=0)
            chosen = get_profile(profile) if profile else None
            decoder = PushDecoder(framing, security=security, profile=chosen)
            return [
                [(record.obis, record.value, record.unit_symbol) for record in message.records]
                for part in parts
                for message in decoder.feed(part)
            ]

        return decode

    def values(result: Any) -> Values:
        return [
            _numbers((f"{obis.c}.{obis.d}.{obis.e}", value) for obis, value, _ in message if obis is not None and obis.d in (7, 8))
            for message in result
        ]

    return Peer("pydlms-client", "pydlms", make, values)


def _pydlms_p1() -> Callable[[list[bytes]], Any]:
    from pydlms.profiles.dsmr import parse_telegram

    return lambda parts: [parse_telegram(part) for part in parts]


def _pydlms_p1_values(result: Any) -> Values:
    found = []
    for telegram in result:
        one = {}
        for obis, texts in telegram.lines.items():
            value, unit = texts[-1].value, texts[-1].unit
            if unit and obis.d in (7, 8):
                one[f"{obis.c}.{obis.d}.{obis.e}"] = float(value) * (1000 if unit.startswith("k") else 1)
        found.append(one)
    return found


PYDLMS_P1 = Peer("pydlms-client", "pydlms", _pydlms_p1, _pydlms_p1_values)


# pyteleinfo: frames of Linky's historic mode; needs Python 3.12.
_TELEINFO = {"IINST1": "31.7.0", "IINST2": "51.7.0", "IINST3": "71.7.0", "IINST": "31.7.0", "PAPP": "9.7.0", "BASE": "1.8.0"}


def _teleinfo() -> Callable[[list[bytes]], Any]:
    from teleinfo import decode

    return lambda parts: [decode(part.decode("ascii")) for part in parts]


PYTELEINFO = Peer(
    "pyteleinfo",
    "teleinfo",
    _teleinfo,
    lambda result: [{code: float(frame[name]) for name, code in _TELEINFO.items() if name in frame} for frame in result],
)


# iec62056-21: the data block of a readout, cut out by the caller; its texts are turned into numbers here, within what is timed.
def _iec62056() -> Callable[[list[bytes]], Any]:
    from iec62056_21.messages import AnswerDataMessage

    def decode(parts: list[bytes]) -> list[list[tuple[Any, float, Any]]]:
        found = []
        for part in parts:
            block = AnswerDataMessage.from_representation(part[part.index(b"\x02") :].decode("ascii"))
            found.append([(item.address, float(item.value), item.unit) for item in block.data if item.unit])
        return found

    return decode


def _iec62056_code(address: str) -> str:
    code = address.partition("*")[0]
    return code if code.count(".") > 1 else f"{code}.0"


IEC62056_21 = Peer(
    "iec62056-21",
    "iec62056_21",
    _iec62056,
    lambda result: [{_iec62056_code(code): value * (1000 if unit.startswith("k") else 1) for code, value, unit in one} for one in result],
)
