"""Where a meter is: a URL with settings, checked before anything is opened."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct, field

from chargebridge.meters.port import MeterError
from chargebridge.wire.meter import Decoder, DecoderOptions, Protocol, decoder_for
from chargebridge.wire.meter.counters import Counters
from chargebridge.wire.meter.detect import LANGUAGES

_SECRETS = ("key", "auth_key")
_COMMON = {"protocol", "clock_offset", "kamstrup_energy", "layout", *(f"{name}_{place}" for name in _SECRETS for place in ("file", "env"))}
_KEY_SIZE = 16
_MBK_SIZE = 20
"""Of a NES meter: 20 characters, or the hexadecimal digits of all of them or of the first 16, which are those that count."""


class Address(Struct, frozen=True):
    """A meter's URL, taken apart.

    Settings that every transport knows: ``protocol`` (p1, sml, dlms ...; found out if absent), ``clock_offset`` (hours of the meter's local
    normal time ahead of UTC, 1), ``kamstrup_energy`` (Wh of one count of a Kamstrup register: 1 or 10; by the meter's type if absent),
    ``layout`` (name of the list layout; by its shape if absent), ``key_file`` or ``key_env`` and ``auth_key_file`` or ``auth_key_env`` (where
    the meter's keys stand, 32 hexadecimal digits; never in the URL itself).
    """

    text: str
    scheme: str
    host: str
    port: int | None
    path: str
    settings: dict[str, str]
    counters: Counters = field(default_factory=Counters)
    """Of enciphered telegrams; they outlive each connection."""

    @property
    def protocol(self) -> Protocol | None:
        """The protocol that was named."""
        named = self.settings.get("protocol")
        if named is not None and named not in LANGUAGES:
            raise MeterError(self.text, f"protocol {named!r} is unknown", f"name one of {', '.join(LANGUAGES)}")
        return None if named is None else Protocol(named)

    @property
    def options(self) -> DecoderOptions:
        """What the decoders are told."""
        scaler = None
        if "kamstrup_energy" in self.settings:
            scaler = {"1": 0, "10": 1}.get(self.settings["kamstrup_energy"])
            if scaler is None:
                raise MeterError(self.text, "kamstrup_energy cannot be read", "write kamstrup_energy=1 or kamstrup_energy=10")
        offset = timedelta(hours=self.number("clock_offset", 1.0, least=-14.0))
        return DecoderOptions(
            standard_offset=offset,
            kamstrup_energy_scaler=scaler,
            layout=self.settings.get("layout"),
            key=self._key("key"),
            authentication_key=self._key("auth_key"),
            counters=self.counters,
        )

    def decoder(self) -> Decoder:
        """A fresh decoder for one connection."""
        return decoder_for(self.protocol, self.options)

    def secret(self, name: str) -> str | None:
        """A password or key from the place that ``<name>_file`` or ``<name>_env`` names; None if neither is set."""
        file, variable = self.settings.get(f"{name}_file"), self.settings.get(f"{name}_env")
        if file is not None and variable is not None:
            raise MeterError(self.text, f"{name}_file and {name}_env are both set", "keep one of them")
        if file is not None:
            try:
                return Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeError) as problem:
                raise MeterError(self.text, f"{name}_file={file} cannot be read: {problem}", "check the name and its rights") from None
        if variable is not None and variable not in os.environ:
            raise MeterError(self.text, f"{name}_env={variable} is not in the environment", f"set {variable} before the start")
        return None if variable is None else os.environ[variable].strip()

    def _key(self, name: str) -> bytes | None:
        text = self.secret(name)
        mbk = self.scheme == "mep"
        try:
            key = None if text is None else text.encode("ascii") if mbk and len(text) == _MBK_SIZE else bytes.fromhex(text)
        except ValueError:
            key = b""
        if key is not None and mbk and len(key) not in (_KEY_SIZE, _MBK_SIZE):
            raise MeterError(
                self.text, f"{name} is no MBK of {_MBK_SIZE} bytes", f"write {_MBK_SIZE} characters or {2 * _MBK_SIZE} digits there"
            )
        if key is not None and not mbk and len(key) != _KEY_SIZE:
            raise MeterError(self.text, f"{name} is no key of {_KEY_SIZE} bytes", f"write {2 * _KEY_SIZE} hexadecimal digits there")
        return key

    def number(self, name: str, default: float, least: float = 0.0) -> float:
        """A setting as a number that is not below ``least``."""
        text = self.settings.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= 1e9:
            raise MeterError(self.text, f"{name}={text} cannot be", f"write a number from {least:g} on")
        return value

    def word(self, name: str, default: str) -> str:
        return self.settings.get(name, default)


def parse(url: str, allowed: frozenset[str]) -> Address:
    """Take a URL apart; a setting that is neither common nor in ``allowed`` is an error, not ignored."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise MeterError(url, f"cannot be read: {problem}", "write it like tcp://host:port") from None
    settings = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(settings.keys() - _COMMON - allowed)
    if unknown:
        known = ", ".join(sorted(_COMMON | allowed))
        raise MeterError(url, f"unknown setting {', '.join(unknown)}", f"{parts.scheme} knows {known}")
    path = unquote(parts.path)
    return Address(url, parts.scheme, parts.hostname or "", port, path, settings)


def of_file(where: str) -> Address:
    """A capture by its path, with settings after a ``?`` where it needs some: ``capture.hex?key_file=meter.key``. ``file:///path`` works too."""
    path, _, settings = where.removeprefix("file://").partition("?")
    return parse(f"file://{quote(str(Path(path).absolute()))}?{settings}", frozenset())
