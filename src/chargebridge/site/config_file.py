"""Reading a configuration: everything that is wrong is told at once, with the line it stands on and the cure."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.calibration.registry.plausibility import plausible
from chargebridge.calibration.registry.rules import fold
from chargebridge.control.topology import check
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import check_url
from chargebridge.model.errors import ChargebridgeError, SeveralErrors
from chargebridge.site.config import REFUSE, BatteryTable, CircuitTable, GeneratorTable, LoadTable, SiteConfig, StationTable
from chargebridge.site.config_eebus import contradictions
from chargebridge.wire.ocpp.tolerance import profiles

Model = TypeVar("Model", bound=BaseModel)


class ConfigError(ChargebridgeError):
    """One thing that is wrong in a configuration; ``where`` is ``file:line: key``."""


class ConfigInvalidError(SeveralErrors):
    """All that is wrong in a configuration."""


def load(path: Path) -> SiteConfig:
    """Read and check a configuration. Raises ConfigInvalidError with everything that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalidError([ConfigError(str(path), f"cannot be read ({error})", "name a TOML file of yours")]) from error
    return parse(text, str(path))


def parse(text: str, name: str = "configuration") -> SiteConfig:
    """Check a configuration's text. Raises ConfigInvalidError."""
    config = validated(SiteConfig, text, name)
    problems = list(_contradictions(config, text, name))
    if problems:
        raise ConfigInvalidError(problems)
    return config


def validated(model: type[Model], text: str, name: str) -> Model:
    """A TOML text as ``model``. Raises ConfigInvalidError with everything that is wrong by itself."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{name}:{line[1] if line else len(text.splitlines())}"
        raise ConfigInvalidError([ConfigError(where, f"is not TOML: {error}", "mend the line; strings stand in double quotes")]) from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigInvalidError([_told(text, name, e["loc"], e["msg"], e["type"], e.get("input")) for e in error.errors()]) from error


_PLAIN = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is not known here", "remove it or mend its spelling; docs/configuration.md lists what there is"),
}
"""For the commonest mistakes, plainer words than the validator's."""


def _told(text: str, name: str, loc: tuple[int | str, ...], message: str, kind: str, given: object) -> ConfigError:
    where = f"{name}:{line_of(text, loc)}: {'.'.join(str(part) for part in loc)}"
    if kind in _PLAIN:
        return ConfigError(where, *_PLAIN[kind])
    said = message.removeprefix("Value error, ").replace("Input should be", "should be")
    return ConfigError(where, f"{said}, but it is {given!r}", "mend the value; docs/configuration.md says what it means")


def _contradictions(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    for problem in check(config.topology()):
        yield ConfigError(f"{name}:{_line_naming(text, problem.where)}: {problem.where}", problem.reason, problem.cure)
    meters = [meter.id for meter in config.meter]
    for meter in config.meter:
        try:
            check_url(meter.url)
        except MeterError as error:
            yield ConfigError(f"{name}:{_line_naming(text, meter.id)}: meter {meter.id}", f"{error.where}: {error.reason}", error.cure)
    users: list[CircuitTable | BatteryTable | GeneratorTable | LoadTable] = [
        *config.circuit,
        *config.battery,
        *config.generator,
        *config.load,
    ]
    for user in users:
        if user.meter is not None and user.meter not in meters:
            place = f"{name}:{_line_naming(text, user.id)}: {user.id}"
            yield ConfigError(place, f"meter {user.meter} is not there", "add a [[meter]] with that id")
    stations = {station.id: station for station in config.station}
    for point in config.point:
        if point.station not in stations:
            where = f"{name}:{_line_naming(text, point.id)}: point {point.id}"
            yield ConfigError(where, f"station {point.station} is not there", "add a [[station]] with that id")
    yield from _insecure(config, text, name)
    yield from _foreign(config, text, name)
    yield from _wallboxes(config, text, name)
    yield from _eebus(config, text, name)
    yield from _money(config, text, name)
    yield from _outside(config, text, name)
    yield from _calibrated(config, text, name)
    named = (("station", config.station), ("token", config.token), ("backend", config.backend), ("tariff", config.tariff))
    for kind, ids in (("meter", meters), *((kind, [table.id for table in tables]) for kind, tables in named)):
        for double in sorted({i for i in ids if ids.count(i) > 1}):
            yield ConfigError(f"{name}:{_line_naming(text, double)}: {kind} {double}", "is there twice", "give each its own id")


def _insecure(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """Stations that could get in by less than is meant, or not at all."""
    ocpp = config.ocpp
    for station in config.station:
        where = f"{name}:{_line_naming(text, station.id)}: station {station.id}"
        if station.eebus is not None:
            continue
        if not (station.password_hash or station.password_env or station.open or station.security_profile == 3):
            yield ConfigError(where, "has no password", "give password_hash or password_env, or write open = true if that is meant")
        if station.open and station.security_profile is not None:
            yield ConfigError(where, "is open and has a security profile", "leave out one of them")
        if station.security_profile == 2 and ocpp.certificate is None and not ocpp.behind_proxy:
            yield ConfigError(where, "could never come in by TLS", "give [ocpp] certificate and key")
        if station.security_profile == 3 and (ocpp.certificate is None or (ocpp.ca is None and ocpp.client_ca is None)):
            yield ConfigError(where, "could never show a certificate", "give [ocpp] certificate and key, and ca or client_ca")
    pairs = (("certificate", "key"), ("key", "certificate"), ("rsa_certificate", "rsa_key"), ("rsa_key", "rsa_certificate"))
    for given, needed in pairs:
        if getattr(ocpp, given) is not None and getattr(ocpp, needed) is None:
            where = f"{name}:{line_of(text, ('ocpp', given))}: ocpp"
            reason = f"the {needed.replace('_', ' ')} is missing: stations would be served without TLS"
            yield ConfigError(where, reason, "give certificate and key together")
    companions = {"rsa_certificate": "certificate", "plain_port": "certificate", "client_crl": "client_ca", "ca_passphrase_env": "ca"}
    for given, needed in companions.items():
        if getattr(ocpp, given) is not None and getattr(ocpp, needed) is None:
            where = f"{name}:{line_of(text, ('ocpp', given))}: ocpp"
            yield ConfigError(where, f"{given} without {needed} means nothing", f"give {needed} too, or leave {given} out")


def _foreign(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """What other makes and other back ends need."""
    stations = {station.id for station in config.station}
    for station in config.station:
        if station.tolerance is not None and station.tolerance not in profiles():
            where = f"{name}:{_line_naming(text, station.id)}: station {station.id}"
            yield ConfigError(where, f"there is no tolerance profile {station.tolerance!r}", f"name one of {', '.join(sorted(profiles()))}")
    for backend in config.backend:
        where = f"{name}:{_line_naming(text, backend.id)}: backend {backend.id}"
        for unknown in sorted({*backend.stations, *(backend.identities or {})} - stations):
            yield ConfigError(where, f"station {unknown} is not there", "add a [[station]] with that id")
        if (backend.certificate is None) != (backend.key is None):
            yield ConfigError(where, "has a certificate without its key, or the other way round", "give both or none")
        if backend.url.startswith("ws:") and (backend.ca or backend.certificate):
            yield ConfigError(where, "has certificates that ws:// has no use for", "write wss://")


OCPP_ONLY = ("password_hash", "password_env", "open", "security_profile", "rate_unit", "fallback_setting", "local_list", "tolerance")
EEBUS_ONLY = ("unknown_cars", "safe_current_a")


def _wallboxes(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """Stations that speak EEBUS, which has neither passwords nor cards: who may charge there has to be said."""
    for station in config.station:
        where = f"{name}:{_line_naming(text, station.id)}: station {station.id}"
        foreign = EEBUS_ONLY if station.eebus is None else OCPP_ONLY
        for key in foreign:
            if key in station.model_fields_set:
                speaks, other = ("OCPP", "EEBUS") if station.eebus is None else ("EEBUS", "OCPP")
                yield ConfigError(where, f"{key} is for stations that speak {other}; this one speaks {speaks}", f"leave {key} out")
        if station.eebus is None:
            continue
        if station.unknown_cars is None and not config.site.open_to_all:
            cure = 'give unknown_cars the id of a [[token]] that they charge as, or unknown_cars = "refuse"'
            yield ConfigError(where, "does not say what cars charge as that do not identify themselves, as most do not", cure)
        if station.unknown_cars not in (None, REFUSE) and station.unknown_cars not in {token.id for token in config.token}:
            yield ConfigError(where, f"token {station.unknown_cars} is not there", "add a [[token]] with that id")
        for point in config.point:
            at = f"{name}:{_line_naming(text, point.id)}: point {point.id}"
            if point.station == station.id and point.discharge_max_w > 0:
                yield ConfigError(at, "no car gives energy back over EEBUS", "leave discharge_max_w out")
            if point.station == station.id and point.can_switch_phases:
                yield ConfigError(at, "EEBUS does not switch phases", "leave can_switch_phases out")
        for backend in config.backend:
            if station.id in backend.stations:
                yield ConfigError(where, f"backend {backend.id} speaks OCPP, which this station does not", "leave it out of stations there")


def _eebus(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """What speaks EEBUS needs the table that says who we are; what the grid limits has to be there."""
    speakers: list[tuple[str, StationTable | LoadTable | BatteryTable | GeneratorTable]] = []
    speakers += [("station", one) for one in config.station if one.eebus is not None]
    speakers += [("load", one) for one in config.load]
    speakers += [("battery", one) for one in config.battery if one.eebus is not None]
    speakers += [("generator", one) for one in config.generator if one.eebus is not None]
    skis = [one.eebus for _, one in speakers]
    for kind, one in speakers:
        where = f"{name}:{_line_naming(text, one.id)}: {kind} {one.id}"
        if config.eebus is None:
            yield ConfigError(where, "speaks EEBUS, but there is no [eebus]", "add the table [eebus]")
        if skis.count(one.eebus) > 1:
            yield ConfigError(where, "shares its SKI with another device", "give each its own SKI, as its page or leaflet shows it")
    for generator in config.generator:
        if generator.eebus is not None and generator.meter is not None:
            where = f"{name}:{_line_naming(text, generator.id)}: generator {generator.id}"
            yield ConfigError(where, "has a meter and eebus", "leave out one of them: who tells what it gives")
    for battery in config.battery:
        if battery.eebus is not None and battery.control is not None:
            where = f"{name}:{_line_naming(text, battery.id)}: battery {battery.id}"
            yield ConfigError(where, "has control and eebus", "leave out one of them: who gives set points, or who only tells")
    if config.eebus is None:
        return
    nodes = {circuit.id for circuit in config.circuit} | {point.id for point in config.point} | {load.id for load in config.load}
    for key, reason, cure in contradictions(config.eebus, nodes, {group.id for group in config.group}):
        yield ConfigError(f"{name}:{line_of(text, ('eebus', *key.split('.')))}: eebus.{key}", reason, cure)


def _money(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """Tariffs and points that tokens name."""
    tariffs, points = {tariff.id for tariff in config.tariff}, {point.id for point in config.point}
    if config.site.tariff is not None and config.site.tariff not in tariffs:
        where = f"{name}:{line_of(text, ('site', 'tariff'))}: site"
        yield ConfigError(where, f"tariff {config.site.tariff} is not there", "add a [[tariff]] with that id")
    for token in config.token:
        where = f"{name}:{_line_naming(text, token.id)}: token {token.id}"
        if token.tariff is not None and token.tariff not in tariffs:
            yield ConfigError(where, f"tariff {token.tariff} is not there", "add a [[tariff]] with that id")
        if token.prepaid and token.tariff is None and config.site.tariff is None:
            yield ConfigError(where, "is prepaid, but nothing says what charging costs", "give it a tariff, or the site one")
        for unknown in sorted(set(token.points or ()) - points):
            yield ConfigError(where, f"point {unknown} is not there", "add a [[point]] with that id")


def _calibrated(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """Points under calibration law."""
    seen: set[str] = set()
    for point in config.point:
        where = f"{name}:{_line_naming(text, point.id)}: point {point.id}"
        if point.calibrated and point.evse_id is None:
            yield ConfigError(where, "is calibrated, but has no name in the register", "give it an evse_id, such as DE*ABC*E1")
        if point.public_key is not None and not point.calibrated:
            yield ConfigError(where, "public_key without calibrated means nothing", "set calibrated = true, or leave it out")
        if point.evse_id is not None and fold(point.evse_id) in seen:
            yield ConfigError(where, f"evse_id {point.evse_id} is there twice", "give each point its own")
        seen.add(fold(point.evse_id or point.id))
        if point.public_key is not None:
            try:
                plausible(point.public_key, point.signing_format, None)
            except RegistryError as error:
                yield ConfigError(where, f"{error.where}: {error.reason}", error.cure)


def _outside(config: SiteConfig, text: str, name: str) -> Iterator[ConfigError]:
    """Who tells prices and weather."""
    price, weather = config.price, config.weather
    where = f"{name}:{line_of(text, ('price', 'source'))}: price"
    if price.source is not None and price.file is not None:
        yield ConfigError(where, "has a source and a file", "leave out one of them")
    if price.source == "entsoe" and (price.token_env is None or price.zone is None):
        yield ConfigError(where, "ENTSO-E wants a token and a zone", "give token_env, and the zone's EIC code such as 10YAT-APG------L")
    if price.source is not None and config.site.currency != "EUR":
        yield ConfigError(
            where, f"the exchange's prices are in EUR, the site's in {config.site.currency}", "give a price list by file or REST"
        )
    if price.source is None:
        for key in ("zone", "url", "token_env"):
            if getattr(price, key) is not None:
                yield ConfigError(
                    f"{name}:{line_of(text, ('price', key))}: price", f"{key} without source means nothing", "give source too"
                )
    where = f"{name}:{line_of(text, ('weather', 'source'))}: weather"
    if (weather.latitude is None) != (weather.longitude is None):
        yield ConfigError(where, "has half of a place", "give latitude and longitude")
    if weather.source is not None and weather.latitude is None:
        yield ConfigError(where, "is asked for a place that nobody told", "give latitude and longitude")
    if weather.source is not None and weather.file is not None:
        yield ConfigError(where, "has a source and a file", "leave out one of them")


def line_of(text: str, loc: tuple[int | str, ...]) -> int:
    """The line on which the value at ``loc`` stands, or that of its table where the key is missing; 1 if all fails."""
    table, index, key = _split(loc)
    lines = text.splitlines()
    words = [part for part in loc if isinstance(part, str)]
    nested = ".".join(words[:-1])
    if len(words) > 2 and any(re.match(rf"\s*\[\[?\s*{re.escape(nested)}\s*\]", line) for line in lines):
        table, key = nested, words[-1]
        index = next((part for part in loc[1:] if isinstance(part, int)), 0)
    found, seen = 1, -1
    inside = table == ""
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?", line)
        if header:
            seen += header[1] == table
            inside = header[1] == table and seen == index
            found = number if inside else found
        elif inside and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return number
    return found


def _split(loc: tuple[int | str, ...]) -> tuple[str, int, str]:
    words = [part for part in loc if isinstance(part, str)]
    index = next((part for part in loc if isinstance(part, int)), 0)
    return (words[0] if words else "", index if len(loc) > 1 and isinstance(loc[1], int) else 0, words[1] if len(words) > 1 else "")


def _line_naming(text: str, where: str) -> int:
    """The line that gives the id which ``where`` ends with."""
    wanted = where.split()[-1]
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*id\s*=\s*[\"']{re.escape(wanted)}[\"']", line):
            return number
    return 1
