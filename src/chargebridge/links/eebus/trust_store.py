"""Whom we trust, on disk. An entry is found by its SKI; one of the pairing service by its fingerprint until TLS has shown its SKI."""

from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from chargebridge.links.durable import write_file
from chargebridge.links.eebus.peer import Trusted
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.ship.errors import CertificateError
from chargebridge.wire.eebus.ship.identity import normal_fingerprint, normal_ski

VERSION = 1
MAX_FILE = 4 * 1024 * 1024
MODE = 0o600
_CURE = "restore it from a backup ('chargebridge eebus identity restore'); without it every device has to be paired again"


class TrustError(ChargebridgeError):
    """A trust store that cannot be read or written, or an entry that cannot stand in it."""


class TrustStore(Protocol):
    """All calls are synchronous; what they change is durable when they return. They raise TrustError, and nothing has changed then."""

    def all(self) -> tuple[Trusted, ...]:
        """In the order in which they came."""
        ...

    def of(self, ski: str) -> Trusted | None:
        """ski: 40 hexadecimal digits in lower case."""
        ...

    def by_fingerprint(self, fingerprint: str) -> Trusted | None:
        """fingerprint: 64 hexadecimal digits in capitals."""
        ...

    def put(self, trusted: Trusted) -> None:
        """A new entry, or instead of the one with the same SKI. An entry that was known only by this fingerprint goes into it."""
        ...

    def remove(self, ski: str) -> None:
        """Nothing happens if it is not there."""
        ...

    def remove_fingerprint(self, fingerprint: str) -> None:
        """Of an entry whose SKI is not known yet."""
        ...


class MemoryTrust:
    """A trust store that is gone with its process: for tests, and the base of the one on disk."""

    def __init__(self, *trusted: Trusted) -> None:
        self._entries: tuple[Trusted, ...] = ()
        for entry in trusted:
            self._entries = _with(self._entries, entry)

    def all(self) -> tuple[Trusted, ...]:
        return self._entries

    def of(self, ski: str) -> Trusted | None:
        return next((entry for entry in self._entries if entry.ski == ski), None)

    def by_fingerprint(self, fingerprint: str) -> Trusted | None:
        return next((entry for entry in self._entries if entry.fingerprint == fingerprint), None)

    def put(self, trusted: Trusted) -> None:
        self._keep(_with(self._entries, trusted))

    def remove(self, ski: str) -> None:
        self._keep(tuple(entry for entry in self._entries if entry.ski != ski))

    def remove_fingerprint(self, fingerprint: str) -> None:
        self._keep(tuple(entry for entry in self._entries if entry.ski is not None or entry.fingerprint != fingerprint))

    def _keep(self, entries: tuple[Trusted, ...]) -> None:
        self._entries = entries


class FileTrust(MemoryTrust):
    """One JSON file, 0600, that must be there already: a file that is missing or damaged is an error, never an empty store."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._entries = read(path)

    def _keep(self, entries: tuple[Trusted, ...]) -> None:
        if entries == self._entries:
            return
        try:
            write_file(self._path, encode(entries), MODE)
        except OSError as error:
            cure = "make room on the disk and see that this user may write there; nothing has changed"
            raise TrustError(str(self._path), f"cannot be written ({error})", cure) from error
        self._entries = entries


class _File(Struct, forbid_unknown_fields=True):
    version: int
    trusted: tuple[Trusted, ...]


def encode(entries: tuple[Trusted, ...]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_File(VERSION, entries))) + b"\n"


def decode(content: bytes, where: str) -> tuple[Trusted, ...]:
    """Of a trust store's file. where: its name, for the error. Raises TrustError."""
    if len(content) > MAX_FILE:
        raise TrustError(where, f"{len(content)} bytes, more than {MAX_FILE}", _CURE)
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise TrustError(where, f"is damaged ({error})", _CURE) from None
    if file.version != VERSION:
        raise TrustError(where, f"is of version {file.version}, and this program knows {VERSION}", "start the program that wrote it")
    entries: tuple[Trusted, ...] = ()
    for place, entry in enumerate(file.trusted):
        try:
            with_it = _with(entries, entry)
        except TrustError as error:
            raise TrustError(f"{where}, entry {place}", error.reason, _CURE) from None
        if len(with_it) != len(entries) + 1:
            raise TrustError(f"{where}, entry {place}", "stands twice", _CURE)
        entries = with_it
    return entries


def read(path: Path) -> tuple[Trusted, ...]:
    """Raises TrustError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise TrustError(str(path), f"cannot be read ({error})", _CURE) from None
    return decode(content, str(path))


def _with(entries: tuple[Trusted, ...], entry: Trusted) -> tuple[Trusted, ...]:
    """`entries` with `entry` in the place of the one that it follows, or at the end. Raises TrustError."""
    name = entry.ski or entry.fingerprint
    if name is None:
        raise TrustError("trust store", "an entry with neither SKI nor fingerprint", "give one of them")
    try:
        ski = entry.ski and normal_ski(entry.ski)
        fingerprint = entry.fingerprint and normal_fingerprint(entry.fingerprint)
    except CertificateError as error:
        raise TrustError(f"trust store, {error.position}", error.reason, error.cure) from None
    times = entry.since, entry.last_connected
    if (ski, fingerprint) != (entry.ski, entry.fingerprint) or any(time is not None and time.tzinfo is None for time in times):
        raise TrustError("trust store", f"{name[:80]} or its times are not in their usual form", "give plain digits, and times with a zone")

    def follows(old: Trusted) -> bool:
        return old.ski == entry.ski if old.ski and entry.ski else old.fingerprint is not None and old.fingerprint == entry.fingerprint

    places = [place for place, old in enumerate(entries) if follows(old)]
    if not places:
        return (*entries, entry)
    first, *others = places
    if entry.ski is None:
        entry = msgspec.structs.replace(entry, ski=entries[first].ski)  # what is learnt is not forgotten
    return tuple(entry if place == first else old for place, old in enumerate(entries) if place not in others)
