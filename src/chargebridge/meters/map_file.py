"""Maps of registers and of JSON values: those that come with the package by their name, a person's own by the path of its file."""

import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from chargebridge.meters.address import Address
from chargebridge.meters.port import MeterError
from chargebridge.wire.meter.quantity_rules import MapError

MapType = TypeVar("MapType")
MAX_SIZE = 256 * 1024
_ENTRY = re.compile(r"^\s*(?:\[\[|\{)", re.M)
_PLACE = re.compile(r"(.*?)(?: - at `\$(?:\.(\w+))?(?:\[(\d+)\])?.*`)?", re.S)


def names(package: str) -> list[str]:
    """The maps that come with ``package``."""
    return sorted(
        item.name.removesuffix(".toml") for item in resources.files(package).joinpath("maps").iterdir() if item.name.endswith(".toml")
    )


def load(
    address: Address, package: str, form: type[MapType], check: Callable[[MapType], None], besides: tuple[str, ...] = ()
) -> tuple[str, MapType]:
    """The map that ``?map=`` names, and its name. besides: what else ``map=`` may name. Raises ``MeterError`` with the line that is wrong."""
    built_in = names(package)
    known = [*built_in, *besides]
    chosen = address.settings.get("map")
    if not chosen:
        raise MeterError(address.text, "the map is missing", f"add map= and one of {', '.join(known)}, or the path of your own .toml file")
    if chosen in built_in:
        return chosen, parse(resources.files(package).joinpath("maps", f"{chosen}.toml").read_text("utf-8"), chosen, form, check)
    if not chosen.endswith(".toml"):
        raise MeterError(address.text, f"map {chosen!r} is unknown", f"name one of {', '.join(known)}, or the path of your own .toml file")
    try:
        if Path(chosen).stat().st_size > MAX_SIZE:
            raise MeterError(chosen, f"is larger than {MAX_SIZE} bytes", "this is no map")
        text = Path(chosen).read_text("utf-8")
    except (OSError, UnicodeError) as problem:
        raise MeterError(chosen, f"cannot be read: {problem}", "check the name and the rights of the map") from None
    return Path(chosen).stem, parse(text, chosen, form, check)


def parse(text: str, where: str, form: type[MapType], check: Callable[[MapType], None]) -> MapType:
    """A map from its text. Raises ``MeterError`` with the line that is wrong."""
    try:
        found = msgspec.convert(tomllib.loads(text), form)
    except tomllib.TOMLDecodeError as problem:
        raise MeterError(where, f"is no TOML: {problem}", "mend it there; a text needs quotes, a list of entries needs commas") from None
    except msgspec.ValidationError as problem:
        match = _PLACE.fullmatch(str(problem))
        reason, key, index = match.groups() if match is not None else (str(problem), None, None)
        place = _line(text, None if index is None else int(index), key)
        raise MeterError(f"{where}{place}", reason, "compare it with a map that comes along: docs/meters/any-country.md") from None
    try:
        check(found)
    except MapError as wrong:
        raise MeterError(f"{where}{_line(text, wrong.index, None)}", wrong.reason, wrong.cure) from None
    return found


def _line(text: str, index: int | None, key: str | None) -> str:
    """ ", line 12": of the entry with that index, or of the line that sets ``key``; "" where it cannot be found."""
    if index is not None:
        starts = [match.end() for match in _ENTRY.finditer(text)]
        return f", line {text.count(chr(10), 0, starts[index]) + 1}" if index < len(starts) else f", entry {index + 1}"
    match = re.search(rf"^\s*{re.escape(key)}\s*=", text, re.M) if key else None
    return f", line {text.count(chr(10), 0, match.end()) + 1}" if match is not None else ""
