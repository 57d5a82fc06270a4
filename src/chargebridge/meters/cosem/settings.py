"""What the URL of a meter that is asked by DLMS says, checked before anything is opened.

``cosem://host:4059?client=1&server=1&password_file=...&every=10`` and ``cosem-serial:///dev/ttyUSB0?opening=mode-e&...``
"""

import secrets
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from chargebridge.meters.address import Address
from chargebridge.meters.cosem.frame_counter import counter_of
from chargebridge.meters.port import MeterError
from chargebridge.wire.cosem import hdlc_link
from chargebridge.wire.cosem.acse import Mechanism
from chargebridge.wire.cosem.association import Association, Login
from chargebridge.wire.cosem.connection import Connection
from chargebridge.wire.cosem.link import Link
from chargebridge.wire.cosem.security import Keys, Security
from chargebridge.wire.cosem.wrapper import WrapperLink
from chargebridge.wire.meter import obis

_COMMON = {
    "client", "server", "physical", "address_size", "information", "password_file", "password_env", "auth", "ciphered", "title",
    "counter_file", "lists", "every", "timeout", "objects",
}  # fmt: skip
TCP_SETTINGS = frozenset(_COMMON | {"framing"})
SERIAL_SETTINGS = frozenset(_COMMON | {"opening", "baud"})
DEFAULT_PORT = 4059
PUBLIC_CLIENT = 16
_CHALLENGE_SIZE = 16
_TITLE = b"CHB\0\0\0\0\1"
_MECHANISMS = {"none": Mechanism.NONE, "password": Mechanism.PASSWORD, "gmac": Mechanism.GMAC}
_PHASES = tuple(f"1-0:{first + c}.7.0" for first in (20, 40, 60) for c in (1, 2, 11, 12))
DEFAULT_OBJECTS = ("1-0:1.7.0", "1-0:2.7.0", *_PHASES, "1-0:1.8.0", "1-0:2.8.0")
"""Powers in and out, of all phases and of each; currents and voltages; registers."""


class Settings(Struct, frozen=True):
    """host: None on a serial line, whose device is then ``device``. hdlc: frames instead of the TCP wrapper. mode_e: the optical port is woken at
    300 baud. client, server: addresses (of HDLC: the logical device's, with ``physical``). every_s: between two readings. timeout_s: for one
    answer. objects: OBIS codes of registers. security: None where nothing is enciphered. A repr shows no password."""

    where: str
    host: str | None
    port: int
    device: str
    baud: int
    hdlc: bool
    mode_e: bool
    client: int
    server: int
    client_address: bytes
    server_address: bytes
    information: int
    mechanism: Mechanism
    password: bytes
    ciphered: bool
    lists: bool
    security: Security | None
    every_s: float
    timeout_s: float
    objects: tuple[str, ...]
    standard_offset: timedelta

    def __repr__(self) -> str:
        return f"Settings({self.where}, client={self.client}, {self.mechanism.name})"

    def connection(self) -> Connection:
        """A fresh one, for each time that the meter is opened."""
        if self.hdlc:
            link: Link = hdlc_link.HdlcLink(client=self.client_address, server=self.server_address, information=self.information)
        else:
            link = WrapperLink(client=self.client, server=self.server)
        login = Login(
            mechanism=self.mechanism,
            password=self.password,
            challenge=secrets.token_bytes(_CHALLENGE_SIZE),
            ciphered=self.ciphered,
            lists=self.lists,
        )
        return Connection(link, Association(login, self.security))


def read(address: Address) -> Settings:
    """Check everything. Raises ``MeterError``."""
    serial = address.scheme == "cosem-serial"
    if serial and not address.path:
        raise MeterError(address.text, "the device is missing", "write it like cosem-serial:///dev/ttyUSB0?opening=mode-e")
    if not serial and not address.host:
        raise MeterError(address.text, "the host is missing", "write it like cosem://192.168.1.20:4059?client=1")
    port = address.port or DEFAULT_PORT
    password = _password(address)
    mechanism = _MECHANISMS[_choice(address, "auth", tuple(_MECHANISMS), "password" if password else "none")]
    if (mechanism is Mechanism.PASSWORD) != bool(password):
        raise MeterError(
            address.text, "auth and password do not fit together", "set password_file or password_env, or auth=none or auth=gmac"
        )
    client, server = _address(address, "client", PUBLIC_CLIENT), _address(address, "server", 1)
    client_address, server_address = _hdlc_addresses(address, client, server)
    key = address.options.key
    ciphered = _choice(address, "ciphered", ("0", "1"), "1" if key else "0") == "1"
    return Settings(
        where=f"cosem-serial://{address.path}" if serial else f"cosem://{address.host}:{port}",
        host=None if serial else address.host,
        port=port,
        device=address.path,
        baud=int(address.number("baud", 9600, least=300)) if serial else 0,
        hdlc=serial or _choice(address, "framing", ("wrapper", "hdlc"), "wrapper") == "hdlc",
        mode_e=serial and _choice(address, "opening", ("mode-e", "hdlc"), "mode-e") == "mode-e",
        client=client,
        server=server,
        client_address=client_address,
        server_address=server_address,
        information=_information(address),
        mechanism=mechanism,
        password=password,
        ciphered=ciphered,
        lists=_choice(address, "lists", ("0", "1"), "1") == "1",
        security=_security(address) if ciphered or mechanism is Mechanism.GMAC else None,
        every_s=address.number("every", 10.0, least=1.0),
        timeout_s=address.number("timeout", 5.0, least=0.1),
        objects=_objects(address),
        standard_offset=address.options.standard_offset,
    )


def _choice(address: Address, name: str, known: tuple[str, ...], default: str) -> str:
    text = address.word(name, default)
    if text not in known:
        raise MeterError(address.text, f"{name}={text} cannot be", f"write {' or '.join(f'{name}={word}' for word in known)}")
    return text


def _password(address: Address) -> bytes:
    """As it stands, or after 0x the bytes in hexadecimal."""
    text = address.secret("password") or ""
    if not text.startswith("0x"):
        return text.encode("utf-8")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise MeterError(address.text, "the password begins with 0x and is not hexadecimal", "write two digits for each byte") from None


def _address(address: Address, name: str, default: int) -> int:
    value = address.number(name, default)
    if value != int(value) or value > 0x3FFF:
        raise MeterError(address.text, f"{name}={value:g} is no address", "write a whole number up to 16383")
    return int(value)


def _hdlc_addresses(address: Address, client: int, server: int) -> tuple[bytes, bytes]:
    physical = _address(address, "physical", 0) if "physical" in address.settings else None
    size = int(_choice(address, "address_size", ("1", "2", "4"), "")) if "address_size" in address.settings else None
    try:
        server_address = hdlc_link.address(server, physical, size)
        client_address = hdlc_link.address(client)
    except ValueError as problem:
        raise MeterError(address.text, str(problem), "check server=, physical= and address_size=") from None
    return client_address, server_address


def _information(address: Address) -> int:
    value = address.number("information", hdlc_link.DEFAULT_INFORMATION, least=32)
    if value > hdlc_link.MAX_INFORMATION:
        raise MeterError(address.text, f"information={value:g} is too long for a frame", f"write up to {hdlc_link.MAX_INFORMATION}")
    return int(value)


def _security(address: Address) -> Security:
    options = address.options
    if options.key is None or options.authentication_key is None:
        raise MeterError(address.text, "both keys are needed", "set key_file and auth_key_file as the grid operator gave them")
    file = address.settings.get("counter_file")
    if file is None:
        raise MeterError(
            address.text,
            "counter_file is missing: a frame counter must never be used twice",
            "name a file of its own that holds one number above the meter's frame counter, 1 for keys never used",
        )
    try:
        title = bytes.fromhex(address.word("title", _TITLE.hex()))
    except ValueError:
        title = b""
    if len(title) != len(_TITLE):
        raise MeterError(address.text, "title is no system title", "write 16 hexadecimal digits")
    return Security(Keys(options.key, options.authentication_key, title), counter_of(Path(file), address.text))


def _objects(address: Address) -> tuple[str, ...]:
    if "objects" not in address.settings:
        return DEFAULT_OBJECTS
    found = []
    for text in address.settings["objects"].split(","):
        code = obis.canonical(text.strip())
        if code is None or ":" not in code:
            raise MeterError(address.text, f"objects has {text!r}, which is no OBIS code", "write them like 1-0:1.7.0,1-0:32.7.0")
        found.append(code)
    return tuple(dict.fromkeys(found))


def code_bytes(code: str) -> bytes:
    """The six bytes of a canonical code with groups A and B."""
    head, _, tail = code.partition(":")
    last = tail.replace("*", ".").split(".")
    return bytes(int(part) for part in (*head.split("-"), *last, *(["255"] if len(last) == 3 else [])))
