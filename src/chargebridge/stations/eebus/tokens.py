"""What a car charges as: by what it says that it is (EVCC scenario 4), as EEBUS itself knows no authorisation."""

from chargebridge.stations.eebus.seen import Identification
from chargebridge.stations.port import Authorisation, StationSink

MAX_TOKEN = 36
KINDS = {"eui48": "MacAddress", "eui64": "MacAddress", "userRfidTag": "ISO14443"}


def spellings(said: Identification) -> tuple[str, ...]:
    """How a token may be written that means this: as it came; a hardware address with and without colons. Empty: it cannot be a token."""
    value = said.value.strip()
    found = [value]
    if said.kind in ("eui48", "eui64"):
        digits = "".join(c for c in value if c in "0123456789abcdefABCDEF").upper()
        pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
        found += [":".join(pairs), digits, "-".join(pairs)]
    return tuple(dict.fromkeys(one for one in found if 0 < len(one) <= MAX_TOKEN and one.isprintable()))


async def charges_as(sink: StationSink, station: str, said: Identification | None, unknown_cars: str | None) -> str | None:
    """The token of a car. One that is known counts, even if it may not charge; else that of unknown cars; else, for the record, what it said."""
    written = spellings(said) if said is not None else ()
    for one in written:
        if sink.about(station, one) is not None or await sink.authorise(station, one) is not Authorisation.INVALID:
            return one
    return unknown_cars or next(iter(written), None)


def kind_of(said: Identification | None, token: str) -> str | None:
    """What sort of token it is, where the car told it."""
    mine = (
        said is not None and token.replace(":", "").replace("-", "").casefold() == said.value.replace(":", "").replace("-", "").casefold()
    )
    return KINDS.get(said.kind) if said is not None and mine else None
