"""The CA's folder: secrets 0600, everything written whole or not at all, one writer at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chargebridge.links.durable import write_file
from chargebridge.model.errors import ChargebridgeError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class AuthorityError(ChargebridgeError):
    """The CA cannot do what it was asked."""


def write_key(path: Path, key: PrivateKey, passphrase: str | None) -> None:
    """A private key as PKCS #8 PEM, 0600, enciphered when a passphrase is given."""
    enciphered: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, enciphered)
    write_file(path, pem, 0o600)


def read_key(path: Path, passphrase: str | None) -> PrivateKey:
    """Raises AuthorityError when it is missing, readable by others, or enciphered otherwise."""
    try:
        if path.stat().st_mode & 0o077:
            raise AuthorityError(str(path), "can be read by others", f"chmod 600 {path}, and think of who has read it")
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode() if passphrase else None)
    except OSError as error:
        raise AuthorityError(str(path), f"cannot be read ({error})", "put the key back for as long as it is needed") from error
    except (ValueError, TypeError) as error:
        raise AuthorityError(str(path), f"cannot be used ({error})", "give the passphrase it was made with, or none") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise AuthorityError(str(path), "is no ECDSA or RSA key", "make a CA with 'chargebridge ca create'")
    return key


def make_key(kind: str) -> PrivateKey:
    """kind: "ec" (P-256) or "rsa" (3072 bits)."""
    return rsa.generate_private_key(65537, 3072) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keeps a running Central System and a command from writing the CA's lists at the same time."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
