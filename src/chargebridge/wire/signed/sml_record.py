"""A signed SML file: one GetList response with entries and a signature over them, as EDL40 and ISA-EDL40-P meters send it (SML 1.04)."""

from msgspec import Struct

from chargebridge.wire.meter.sml_messages import GET_LIST_RESPONSE, messages
from chargebridge.wire.meter.sml_transport import SmlFile, SmlFramer
from chargebridge.wire.meter.sml_tree import Element, parse
from chargebridge.wire.meter.telegram import ContentError, DecodeError
from chargebridge.wire.signed.errors import SignedFormatError


class SmlTime(Struct, frozen=True):
    """seconds: UTC since 1970, or the meter's second index. offset_s: what local time is ahead of it; None where the meter tells no time of day."""

    seconds: int
    offset_s: int | None

    @property
    def local(self) -> int:
        return self.seconds + (self.offset_s or 0)


class SmlEntry(Struct, frozen=True):
    status: int | None
    time: SmlTime | None
    unit: int
    scaler: int
    value: int | bytes | bool | None
    signature: bytes | None
    index: int = 0


class SmlList(Struct, frozen=True):
    """server: id of the meter. name: of the list. entries by the hexadecimal digits of their codes."""

    server: bytes
    name: bytes
    entries: dict[str, SmlEntry]
    signature: bytes


def read_list(data: bytes) -> SmlList:
    """The one signed list in the bytes of a file. Raises SignedFormatError."""
    framer = SmlFramer()
    files = [*framer.feed(data), *framer.close()]
    for file in files:
        if isinstance(file, DecodeError):
            raise SignedFormatError(f"byte {file.offset}", file.reason)
    found: list[SmlList] = []
    for file in files:
        assert isinstance(file, SmlFile)
        try:
            for _, _, message in messages(file.payload, parse):
                match message:
                    case [_, _, _, [tag, [_, bytes() as server, name, _, list() as entries, bytes() as signature, _]], *_] if (
                        tag == GET_LIST_RESPONSE
                    ):
                        found.append(SmlList(server, name if isinstance(name, bytes) else b"", dict(map(_entry, entries)), signature))
        except ContentError as error:
            raise SignedFormatError(f"byte {error.position}", error.reason) from None
    if len(found) != 1:
        raise SignedFormatError("SML file", f"{len(found)} signed lists instead of one")
    return found[0]


def _entry(element: Element) -> tuple[str, SmlEntry]:
    match element:
        case [bytes() as code, status, time, unit, scaler, value, signature] if not isinstance(value, list):
            return code.hex(), SmlEntry(
                status=status if isinstance(status, int) else None,
                time=_time(time),
                unit=unit if isinstance(unit, int) else 0,
                scaler=scaler if isinstance(scaler, int) else 0,
                value=value,
                signature=signature if isinstance(signature, bytes) else None,
            )
        case [bytes() as code, _, time, _, _, [_, [_, int() as index]], _]:
            return code.hex(), SmlEntry(None, _time(time), 0, 0, None, None, index)
        case [bytes() as code, *_]:
            return code.hex(), SmlEntry(None, None, 0, 0, None, None)
    raise SignedFormatError("SML list", f"{element!r:.60} is no entry")


def _time(element: Element) -> SmlTime | None:
    match element:
        case [1 | 2, int() as seconds]:
            return SmlTime(seconds, None)
        case [3, [int() as seconds, int() as offset, int() as season]]:
            return SmlTime(seconds, 60 * (offset + season))
    return None
