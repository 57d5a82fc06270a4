"""The form of a Theben CONEXA's answers: what stands where in the JSON. Numbers and truth values may be texts."""

import msgspec
from msgspec import Struct

from chargebridge.wire.smgw.value import MAX_ANSWER, Fault, SmgwError, content_error


class Channel(Struct, rename="kebab"):
    obis: str
    scaler: int | None = None
    unit: int | None = None


class Database(Struct):
    database: str
    channels: list[Channel] = []


class UsagePointInfo(Struct):
    databases: list[Database]


class Meter(Struct, rename="kebab"):
    meter_id: str


class Point(Struct, rename="kebab"):
    usage_point_id: str
    taf_number: int
    taf_state: str
    usage_point_name: str = ""
    meter: list[Meter] = []


class UserInfo(Struct, rename="kebab"):
    usage_points: list[Point]


class Firmware(Struct, frozen=True):
    version: str = ""


class GatewayInfo(Struct, rename="kebab"):
    smgw_id: str
    smgw_time: str = ""
    smgw_state: str = ""
    firmware_info: Firmware = Firmware()


class Entry(Struct, rename="kebab"):
    time: str
    message: str = ""
    index: int = 0
    level: int = 0
    event_id: str = ""
    outcome: str = ""
    subject_identity: str = ""


class Log(Struct):
    entries: list[Entry]


class Reading(Struct, rename="kebab"):
    value: str | int | None = None
    capture_time: str | None = None
    target_time: str | None = None
    cosem_status: str | None = None
    signature: str | None = None
    scaler: int | None = None
    unit: int | None = None


class ReadChannel(Struct):
    obis: str
    readings: list[Reading] = []


class Readings(Struct):
    channels: list[ReadChannel]


class Answer(Struct, rename="kebab"):
    method: str
    smgw_info: GatewayInfo | None = None
    user_info: UserInfo | None = None
    usage_point_info: UsagePointInfo | None = None
    readings: Readings | None = None
    log: Log | None = None


_DECODER = msgspec.json.Decoder(Answer, strict=False)


def answer(data: bytes) -> Answer:
    """Raises ``SmgwError`` where it is none."""
    if len(data) > MAX_ANSWER:
        raise content_error(f"an answer of {len(data)} bytes is longer than any")
    if not data.strip():
        raise SmgwError(
            Fault.CONTENT,
            "the gateway answered with an empty page",
            "check the vendor; a CONEXA does so when the digest was not made with MD5 (digest=md5)",
        )
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise content_error(f"no answer of a CONEXA: {problem}") from None
