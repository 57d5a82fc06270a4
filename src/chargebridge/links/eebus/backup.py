"""An identity in one file that can be put away: JSON with a checksum, enciphered if a passphrase is given (scrypt, AES-256-GCM).

Whoever has it without a passphrase can be this node. It holds everything of the folder: key, certificate, names, secret, and whom we trust.
"""

import hashlib
import os
from datetime import datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta, Struct

from chargebridge.links.eebus import accepted_digests, trust_store
from chargebridge.links.eebus.identity_folder import FILES, PAIRING, TRUST, IdentityError, IdentityFolder, OwnNode, locked, node_of
from chargebridge.model.errors import ChargebridgeError

KIND = "chargebridge EEBUS identity"
VERSION = 1
MAX_BACKUP = 32 * 1024 * 1024
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**15, 8, 3
"""32 MiB for a quarter of a second on a small box."""
_DAMAGED = "take another copy of the backup"


class _Cipher(Struct, frozen=True, forbid_unknown_fields=True):
    salt: bytes
    nonce: Annotated[bytes, Meta(min_length=12, max_length=12)]
    n: Annotated[int, Meta(ge=2**14, le=2**17)]
    r: Annotated[int, Meta(ge=8, le=8)]
    p: Annotated[int, Meta(ge=1, le=16)]


class _Backup(Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    version: int
    ski: str
    ship_id: str
    made_at: datetime
    cipher: _Cipher | None
    content: bytes = b""
    sha256: str = ""


def write(folder: IdentityFolder, now: datetime, passphrase: str | None = None) -> bytes:
    """The backup of an identity, of a running hub too. Raises IdentityError for a damaged one, TrustError for a damaged trust store."""
    files = folder.contents()
    own = node_of(files, str(folder.node))
    trust_store.decode(files[TRUST], str(folder.trust_file))
    cipher = None
    if passphrase is not None:
        if not passphrase:
            raise IdentityError("passphrase", "is empty", "give one, or none at all")
        cipher = _Cipher(os.urandom(16), os.urandom(12), SCRYPT_N, SCRYPT_R, SCRYPT_P)
    head = _Backup(KIND, VERSION, own.identity.ski, own.ship_id, now, cipher)
    content = msgspec.json.encode(files)
    if cipher is not None and passphrase is not None:
        content = AESGCM(_key(cipher, passphrase)).encrypt(cipher.nonce, content, msgspec.json.encode(head))
    filled = msgspec.structs.replace(head, content=content)
    return msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(filled, sha256=_checksum(filled)))) + b"\n"


def needs_passphrase(backup: bytes) -> bool:
    """Raises IdentityError for what is no backup, or a damaged one."""
    return _read(backup).cipher is not None


def restore(folder: IdentityFolder, backup: bytes, now: datetime, passphrase: str | None = None, *, overwrite: bool = False) -> OwnNode:
    """Put the identity of a backup, and whom it trusts, into `folder`, whole or not at all; what was there is moved aside, never deleted.

    An intact identity that is another one is only replaced if `overwrite`. Raises IdentityError: then all is as before, except after a crash in
    the middle, when the folder has no identity: restore again.
    """
    files = _unpack(_read(backup), passphrase)
    own = node_of(files, "backup")
    with folder.alone(), locked(folder.path / ".lock"):
        if folder.node.exists():
            _may_replace(folder, own, overwrite)
        folder.put(files, now)
    return own


def _may_replace(folder: IdentityFolder, own: OwnNode, overwrite: bool) -> None:
    try:
        present = folder.read()
    except IdentityError:
        return  # damaged, which a backup is the cure for
    if present.identity.ski != own.identity.ski and not overwrite:
        raise IdentityError(
            str(folder.path),
            f"holds another identity ({present.identity.ski}, {present.ship_id}) than the backup ({own.identity.ski}, {own.ship_id})",
            "restore into an empty folder, or say that it is to be replaced: devices paired with it will not know this node any more",
        )


def _read(backup: bytes) -> _Backup:
    if len(backup) > MAX_BACKUP:
        raise IdentityError(
            "backup", f"{len(backup)} bytes, more than {MAX_BACKUP}", "name a file that 'chargebridge eebus identity backup' has written"
        )
    try:
        read = msgspec.json.decode(backup, type=_Backup)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IdentityError(
            "backup", f"is none, or damaged ({error})", "name a file that 'chargebridge eebus identity backup' has written"
        ) from None
    if read.kind != KIND or read.version != VERSION:
        raise IdentityError(
            "backup", f"is of kind {read.kind[:40]!r}, version {read.version}", f"give one of kind {KIND!r}, version {VERSION}"
        )
    if _checksum(read) != read.sha256:
        raise IdentityError("backup", "its checksum is wrong: it is damaged", _DAMAGED)
    return read


def _unpack(read: _Backup, passphrase: str | None) -> dict[str, bytes]:
    content = read.content
    if read.cipher is None:
        if passphrase is not None:
            raise IdentityError(
                "backup", "is not enciphered, and a passphrase was given", "restore it without, and see that it is the right file"
            )
    elif not passphrase:
        raise IdentityError("backup", "is enciphered", "give the passphrase it was made with")
    else:
        head = msgspec.structs.replace(read, content=b"", sha256="")
        try:
            content = AESGCM(_key(read.cipher, passphrase)).decrypt(read.cipher.nonce, content, msgspec.json.encode(head))
        except (InvalidTag, ValueError):
            raise IdentityError("backup", "cannot be deciphered", "give the passphrase it was made with") from None
    try:
        files = msgspec.json.decode(content, type=dict[str, bytes])
        if set(files) != set(FILES):
            raise IdentityError("backup", f"holds {', '.join(sorted(files))[:200]}", _DAMAGED)
        node_of(files, "backup")
        trust_store.decode(files[TRUST], f"backup/{TRUST}")
        accepted_digests.decode(files[PAIRING], f"backup/{PAIRING}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IdentityError("backup", f"is damaged ({error})", _DAMAGED) from None
    except IdentityError:
        raise
    except ChargebridgeError as error:
        raise IdentityError(error.where, error.reason, _DAMAGED) from None
    return files


def _checksum(backup: _Backup) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(backup, sha256=""))).hexdigest()


def _key(cipher: _Cipher, passphrase: str) -> bytes:
    return Scrypt(salt=cipher.salt, length=32, n=cipher.n, r=cipher.r, p=cipher.p).derive(passphrase.encode())
