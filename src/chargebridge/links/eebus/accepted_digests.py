"""Which announcements of the pairing service were accepted, over restarts too: whoever plays one back is not trusted again (chapter 11)."""

import re
from pathlib import Path

import msgspec
from msgspec import Struct

from chargebridge.links.durable import write_file
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.ship.pairing import REMEMBERED, remember

VERSION = 1
MAX_FILE = 64 * 1024
_CURE = "restore it from a backup, or change the secret of the pairing service ('chargebridge eebus identity change-secret'), which begins it anew"


class DigestsError(ChargebridgeError):
    """The list cannot be read or written."""


class AcceptedDigests:
    """One JSON file, 0600, that must be there already. Calls raise DigestsError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                self._digests = decode(file.read(MAX_FILE + 1), str(path))
        except OSError as error:
            raise DigestsError(str(path), f"cannot be read ({error})", _CURE) from None

    def all(self) -> tuple[str, ...]:
        """Oldest first, 64 hexadecimal digits in capitals each."""
        return self._digests

    def add(self, digest: str) -> None:
        """Durable when it returns."""
        digests = remember(self._digests, digest)
        try:
            write_file(self._path, encode(digests), 0o600)
        except OSError as error:
            raise DigestsError(str(self._path), f"cannot be written ({error})", "make room on the disk") from error
        self._digests = digests


class _File(Struct, forbid_unknown_fields=True):
    version: int
    accepted: tuple[str, ...]


def encode(digests: tuple[str, ...]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_File(VERSION, digests))) + b"\n"


def decode(content: bytes, where: str) -> tuple[str, ...]:
    """Raises DigestsError."""
    if len(content) > MAX_FILE:
        raise DigestsError(where, f"more than {MAX_FILE} bytes", _CURE)
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DigestsError(where, f"is damaged ({error})", _CURE) from None
    if file.version != VERSION:
        raise DigestsError(where, f"is of version {file.version}, and this program knows {VERSION}", "start the program that wrote it")
    if len(file.accepted) > REMEMBERED or not all(re.fullmatch("[0-9A-F]{64}", digest) for digest in file.accepted):
        raise DigestsError(where, "is damaged (digests are 64 hexadecimal digits in capitals)", _CURE)
    return file.accepted
