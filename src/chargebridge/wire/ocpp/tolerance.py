"""Messages that break the schema in known ways, brought into line: by a named profile, and only after the strict decoding has failed.

A profile (`tolerance.toml`) names the deviations of one make. `Tolerance` has a refused payload walked beside the type that it should have
(`mending.py`) and decodes the result strictly. If that fails too, the message stays refused.

Every repair is told by its name, place, and value before and after. None makes up a figure: a number of a meter value is only ever spelled
differently (`meter_number_spelling`), and a sampled value whose unit, measurand or phase cannot be read goes as a whole
(`sample_dropped`), since without that word its number would mean something else. Nothing that identifies a card or a transaction is cut.
"""

import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chargebridge.wire.ocpp.dialect import Dialect
from chargebridge.wire.ocpp.mending import REPAIRS, Mender, Repair
from chargebridge.wire.ocpp.payload import Payload

STRING = re.compile(rb'("(?:[^"\\]|\\.)*")(\s*:\s*(?=[,}]))?')  # and, behind a name, the value that is not there


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a make needs beside its spelling.

    answer_after_s: action -> how long after its arrival it is answered at the earliest. boot_first: no command before the
    station's first message, its BootNotification as a rule, was answered, however long it takes. ping_s: seconds between websocket pings,
    0 for none. rate_unit: the only one its profiles may have.
    fallback_level, grant_level: the stack levels that we use. purposes: of a limit while a transaction runs, tried in turn.
    """

    answer_after_s: dict[str, float] = {}
    boot_first: bool = False
    ping_s: float | None = None
    rate_unit: Literal["A", "W"] | None = None
    fallback_level: int = 0
    grant_level: int = 1
    purposes: tuple[Literal["TxProfile", "TxDefaultProfile"], ...] = ("TxProfile", "TxDefaultProfile")


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One make's deviations. makes: patterns of "vendor model" in small letters, for proposals. source: where it was seen.

    aliases: "field:word" -> the schema's word; without a field, for every field. missing: "Action.field" -> what to take when it is missing.
    """

    name: str
    source: str
    makes: tuple[str, ...] = ()
    repairs: frozenset[str] = frozenset()
    aliases: dict[str, str] = {}
    missing: dict[str, Any] = {}
    behaviour: Behaviour = Behaviour()


class _Profiles(Struct, forbid_unknown_fields=True):
    profile: list[Profile]


@cache
def profiles() -> dict[str, Profile]:
    """All profiles by name. Raises msgspec.ValidationError or ValueError when the data file is wrong."""
    found = msgspec.convert(tomllib.loads(files(__package__).joinpath("tolerance.toml").read_text("utf-8")), _Profiles).profile
    unknown = {name for profile in found for name in profile.repairs} - REPAIRS.keys()
    if unknown:
        raise ValueError(f"tolerance.toml names repairs that there are not: {sorted(unknown)}")
    return {profile.name: profile for profile in found}


def named(name: str) -> "Tolerance":
    """A profile at work. Raises ValueError for a name that there is not."""
    if name not in profiles():
        raise ValueError(f"there is no tolerance profile {name!r}; name one of {', '.join(sorted(profiles()))}")
    return Tolerance(profiles()[name])


def propose(vendor: str, model: str) -> tuple[str, ...]:
    """The names of the profiles that were made for such a station."""
    make = f"{vendor} {model}".strip().lower()
    return tuple(name for name, profile in profiles().items() if any(fnmatchcase(make, pattern) for pattern in profile.makes))


class Tolerance:
    """A profile at work."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def request(self, dialect: Dialect, action: str, payload: bytes | msgspec.Raw) -> tuple[Payload, tuple[Repair, ...]]:
        """A refused request, mended. Raises PayloadError: nothing that the profile names makes it fit."""
        mended, repairs = self._mender(action).mend(dialect.messages[action][0], payload)
        return dialect.decode_request(action, mended), repairs

    def response(self, dialect: Dialect, action: str, payload: bytes | msgspec.Raw) -> tuple[Payload, tuple[Repair, ...]]:
        """A refused answer to `action`, mended. Raises PayloadError."""
        mended, repairs = self._mender(action).mend(dialect.messages[action][1], payload)
        return dialect.decode_response(action, mended), repairs

    def frame(self, data: str | bytes) -> bytes | None:
        """A frame that is no JSON because values are missing, with null in their places; None: that is not what is wrong with it."""
        if "missing_value" not in self.profile.repairs:
            return None
        raw = data.encode() if isinstance(data, str) else data
        mended = STRING.sub(lambda found: found[1] + b":null" if found[2] else found[0], raw)
        return None if mended == raw else mended

    def _mender(self, action: str) -> Mender:
        profile = self.profile
        return Mender(profile.repairs, profile.aliases, profile.missing, action)
