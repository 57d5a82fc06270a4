"""Who we are, on disk: key, certificate, SHIP ID, SPINE device address, the pairing service's secret; beside them whom we trust.

    <folder>/node/              0700, made in one step, so that it is there whole or not at all
        key.pem certificate.pem node.json     never changed once made: peers know us by them, and a change sends a metering operator on his way
        trust.json pairing.json               whom we trust; which announcements of the pairing service were accepted
    <folder>/before-<time>/     what a restored backup took the place of

An empty folder gets an identity. One in which anything is missing or damaged is an error, never a new identity. Keep it outside of a container.
"""

import fcntl
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from cryptography import x509
from msgspec import Struct

from chargebridge.links.durable import sync_folder, write_file
from chargebridge.links.eebus import accepted_digests, trust_store
from chargebridge.links.eebus.peer import Trouble
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.ship.identity import MAX_NAME, Identity, load_identity, make_identity
from chargebridge.wire.eebus.ship.mdns import ServiceRecord, to_txt
from chargebridge.wire.eebus.ship.qr import SECRET_BYTES, ShipCode, secret_of, to_text

VERSION = 1
MAX_FILE = trust_store.MAX_FILE
MAX_ADDRESS = 128
WARN_BEFORE = timedelta(days=365)
KEY, CERTIFICATE, NODE, TRUST, PAIRING = FILES = ("key.pem", "certificate.pem", "node.json", "trust.json", "pairing.json")
_RESTORE = (
    "restore it from a backup ('chargebridge eebus identity restore'); a new identity would have to be paired again with every device"
)

log = structlog.get_logger()


class IdentityError(ChargebridgeError):
    """An identity that cannot be made, read, backed up or restored."""


class NewNode(Struct, frozen=True):
    """What a new identity is made of. serial: by chance if it is empty. ship_id, device_address: of brand, model and serial number if None."""

    brand: str
    model: str
    serial: str = ""
    ship_id: str | None = None
    device_address: str | None = None


class OwnNode(Struct, frozen=True):
    """What a folder holds. secret: 16 bytes, for the QR code of the pairing service."""

    identity: Identity
    ship_id: str
    device_address: str
    secret: bytes

    def __repr__(self) -> str:
        return f"OwnNode(ski={self.identity.ski!r}, ship_id={self.ship_id!r}, device_address={self.device_address!r})"


class IdentityFolder:
    """All calls raise IdentityError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.node = path / "node"
        self.trust_file = self.node / TRUST
        self.pairing_file = self.node / PAIRING

    def open(self, new: NewNode, now: datetime) -> OwnNode:
        """The identity, made if the folder is empty or not there. A SHIP ID or device address in `new` must be the one it was made with."""
        with _readable_errors(self.path):
            if not self.node.exists():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                with locked(self.path / ".lock"):
                    if not self.node.exists():
                        self._make(new, now)
            own = self.read()
        for name, wanted, kept in (("ship_id", new.ship_id, own.ship_id), ("device_address", new.device_address, own.device_address)):
            if wanted is not None and wanted != kept:
                reason = f"was made with the {name} {kept!r}, and the configuration says {wanted!r}"
                cure = (
                    f"give {name} = {kept!r} or none: peers know this node by it. For a new identity name an empty folder, and pair again"
                )
                raise IdentityError(str(self.path), reason, cure)
        return own

    def read(self) -> OwnNode:
        """The identity that is there; never makes one."""
        with _readable_errors(self.path):
            self._tighten()
            return node_of(self.contents(), str(self.node))

    def contents(self) -> dict[str, bytes]:
        """All files of it."""
        if not self.node.is_dir():
            raise IdentityError(str(self.path), "there is no identity in it", _RESTORE)
        missing = [name for name in FILES if not (self.node / name).is_file()]
        if missing:
            raise IdentityError(str(self.node), f"is not complete: there is no {' and no '.join(missing)}", _RESTORE)
        return {name: _bounded(self.node / name) for name in FILES}

    def change_secret(self) -> OwnNode:
        """A new secret for the pairing service: QR codes that were shown before are of no use from now on. Not under a running hub."""
        with self.alone(), _readable_errors(self.path), locked(self.path / ".lock"):
            own = self.read()
            own = OwnNode(own.identity, own.ship_id, own.device_address, secrets.token_bytes(SECRET_BYTES))
            write_file(self.node / NODE, _node_json(own.ship_id, own.device_address, own.secret), 0o600)
            write_file(self.pairing_file, accepted_digests.encode(()), 0o600)
            return own

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For a running hub: two processes with one identity would end each other's connections."""
        with ExitStack() as stack:
            with _readable_errors(self.path):
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = stack.enter_context((self.path / ".running").open("w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    reason, cure = "is in use by another process", "end that one, or name another folder for this one"
                    raise IdentityError(str(self.path), reason, cure) from None
            yield

    def _make(self, new: NewNode, now: datetime) -> None:
        if any(self.path.glob("before-*")):
            raise IdentityError(str(self.path), "holds what was there before a restore, and no identity", _RESTORE)
        self.put(new_contents(new, now), now)
        sync_folder(self.path.parent)
        log.info(
            "a new EEBUS identity was made; back it up with 'chargebridge eebus identity backup'",
            folder=str(self.path),
            ski=self.read().identity.ski,
        )

    def put(self, files: Mapping[str, bytes], now: datetime) -> None:
        """In one step; what was there is moved aside right before. Under the lock."""
        with _readable_errors(self.path):
            for stale in self.path.glob(".node.*"):  # of a process that was killed; nobody has seen that key
                shutil.rmtree(stale)
            new = Path(tempfile.mkdtemp(prefix=".node.", dir=self.path))  # mkdtemp makes it 0700
            for name, content in files.items():
                write_file(new / name, content, 0o600)
            if self.node.exists():
                self.move_aside(now)
            new.rename(self.node)
            sync_folder(self.path)

    def move_aside(self, now: datetime) -> None:
        """What is there, that a restored one may take its place. Under the lock."""
        name = f"before-{now:%Y%m%dT%H%M%S}"
        while (self.path / name).exists():
            name += "+"
        self.node.rename(self.path / name)

    def _tighten(self) -> None:
        """Copies and volumes lose modes; a house without its limits would be worse than a key that was readable for a while."""
        for path, mode in ((self.node, 0o700), *((self.node / name, 0o600) for name in FILES)):
            if path.exists() and path.stat().st_mode & 0o077:
                log.warning("others could read it", path=str(path))
                with suppress(OSError):  # on file systems that know no modes
                    path.chmod(mode)


def new_contents(new: NewNode, now: datetime) -> dict[str, bytes]:
    """The files of a new identity that trusts nobody. Raises IdentityError for texts that cannot stand in certificate, mDNS or QR code."""
    serial = new.serial or secrets.token_hex(5).upper()
    ship_id = new.ship_id or f"{new.brand}-{new.model}-{serial}"
    address = new.device_address or f"d:_n:{_plain(new.brand)}_{_plain(f'{new.model}-{serial}')}"[:MAX_ADDRESS]
    secret = secrets.token_bytes(SECRET_BYTES)
    if not (0 < len(address) <= MAX_ADDRESS and address.isprintable() and ship_id.isprintable()):
        cure = f"give printable ones, the device address of up to {MAX_ADDRESS} characters"
        raise IdentityError("[eebus]", f"SHIP ID {ship_id[:80]!r}, SPINE device address {address[:80]!r}", cure)
    try:
        identity = make_identity(f"{new.model}-{serial}"[:MAX_NAME], new.brand[:MAX_NAME], now)
        to_txt(ServiceRecord(ship_id=ship_id, ski=identity.ski, brand=new.brand, model=new.model, serial=serial))
        to_text(ShipCode(ski=identity.ski, ship_id=ship_id, brand=new.brand, model=new.model, serial=serial))
    except EebusError as error:
        raise IdentityError(f"[eebus], {error.position}", error.reason, error.cure) from None
    return {
        KEY: identity.key_pem,
        CERTIFICATE: identity.certificate_pem,
        NODE: _node_json(ship_id, address, secret),
        TRUST: trust_store.encode(()),
        PAIRING: accepted_digests.encode(()),
    }


def node_of(files: Mapping[str, bytes], where: str) -> OwnNode:
    """What the files say. Raises IdentityError."""
    try:
        node = msgspec.json.decode(files[NODE], type=_Node)
        if node.version != VERSION:
            raise IdentityError(
                f"{where}/{NODE}", f"is of version {node.version}, this program knows {VERSION}", "start the program that wrote it"
            )
        if not (node.ship_id and node.device_address):
            raise IdentityError(f"{where}/{NODE}", "has an empty ship_id or device_address", _RESTORE)
        return OwnNode(load_identity(files[KEY], files[CERTIFICATE]), node.ship_id, node.device_address, secret_of(node.secret))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IdentityError(f"{where}/{NODE}", f"is damaged ({error})", _RESTORE) from None
    except EebusError as error:
        raise IdentityError(f"{where}, {error.position}", error.reason, _RESTORE) from None


def expiry(identity: Identity, now: datetime) -> Trouble | None:
    """What to tell the owner when our certificate ends within a year, or has ended."""
    end = certificate_end(identity)
    if now < end - WARN_BEFORE:
        return None
    verb = "has expired" if now >= end else "expires"
    cure = (
        "agree on a day with who operates the control box; on that day name an empty folder for a new identity and pair every device again"
    )
    return Trouble(now, f"this node's certificate {verb} on {end:%Y-%m-%d}; some peers will refuse it then", cure)


def certificate_end(identity: Identity) -> datetime:
    """Aware UTC."""
    return x509.load_pem_x509_certificate(identity.certificate_pem).not_valid_after_utc


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process after the other."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Node(Struct, forbid_unknown_fields=True):
    version: int
    ship_id: str
    device_address: str
    secret: str


def _node_json(ship_id: str, device_address: str, secret: bytes) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_Node(VERSION, ship_id, device_address, secret.hex()))) + b"\n"


def _plain(text: str) -> str:
    """What every peer takes in a device address."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise IdentityError(str(path), f"more than {MAX_FILE} bytes", _RESTORE)
    return content


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IdentityError(
            str(path), f"cannot be used ({error})", "see that the disk has room and that this user may write there"
        ) from error
