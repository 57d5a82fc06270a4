"""The TXT record of `_ship._tcp`: what a node tells of itself on the network (SHIP 1.0.1 chapter 7)."""

from collections.abc import Mapping

from msgspec import Struct

from chargebridge.wire.eebus.ship.errors import CertificateError, RecordError
from chargebridge.wire.eebus.ship.identity import normal_ski

SERVICE = "_ship._tcp.local."
MAX_STRING = 255  # "key=value" of one entry (RFC 6763 6.1)
MAX_INSTANCE = 63  # bytes of an instance's name (RFC 6763 4.1.1)

CATEGORIES = {
    1: "grid connection hub",
    2: "energy management system",
    3: "e-mobility",
    4: "heating, ventilation, cooling",
    5: "inverter",
    6: "domestic appliance",
    7: "metering",
}
"""Of `cat`, by the installation requirements for SHIP."""


class ServiceRecord(Struct, frozen=True):
    """ship_id: unique, the `id` of access methods too. register: the node takes new pairings now. type: such as EnergyManagementSystem or
    ChargingStation. categories: numbers of CATEGORIES."""

    ship_id: str
    ski: str
    register: bool = False
    path: str = "/ship/"
    brand: str = ""
    type: str = ""
    model: str = ""
    serial: str = ""
    categories: tuple[int, ...] = ()


def to_txt(record: ServiceRecord) -> dict[str, str]:
    """The entries in their usual order; what is empty is left out. Raises RecordError for one that is too long."""
    entries = {
        "txtvers": "1",
        "id": record.ship_id,
        "path": record.path,
        "ski": record.ski,
        "register": "true" if record.register else "false",
        "brand": record.brand,
        "type": record.type,
        "model": record.model,
        "serial": record.serial,
        "cat": ",".join(map(str, record.categories)),
    }
    return bounded({key: value for key, value in entries.items() if value})


def from_txt(entries: Mapping[bytes, bytes | None]) -> ServiceRecord:
    """A peer's record, as mDNS has it; keys in any case, unknown ones passed over. Raises RecordError: such a record is to be ignored."""
    txt = plain(entries)
    if txt.get("txtvers") != "1":
        raise RecordError("txtvers", f"{txt.get('txtvers', '')[:20]!r}, not 1", "ignore it: it is of another version of SHIP")
    for key in ("id", "path", "ski", "register"):
        if not txt.get(key):
            raise RecordError(key, "there is none", "ignore it, or give the peer's address by hand")
    if txt["register"].lower() not in ("true", "false"):
        raise RecordError("register", f"{txt['register'][:20]!r}, neither true nor false", "ignore it, or give the peer's address by hand")
    try:
        ski = normal_ski(txt["ski"])
    except CertificateError as error:
        raise RecordError("ski", error.reason, "ignore it, or give the peer's address by hand") from None
    return ServiceRecord(
        ship_id=txt["id"],
        ski=ski,
        register=txt["register"].lower() == "true",
        path=txt["path"] if txt["path"].startswith("/") else "/" + txt["path"],
        brand=txt.get("brand", ""),
        type=txt.get("type", ""),
        model=txt.get("model", ""),
        serial=txt.get("serial", ""),
        categories=categories_of(txt.get("cat", "")),
    )


def instance_name(text: str) -> str:
    """`text` cut to what DNS-SD takes for an instance's name."""
    return text.encode()[:MAX_INSTANCE].decode(errors="ignore")


def categories_of(text: str) -> tuple[int, ...]:
    """Numbers between commas; what is no number is passed over."""
    parts = (part.strip() for part in text.split(","))
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 3)


def plain(entries: Mapping[bytes, bytes | None]) -> dict[str, str]:
    """Keys in lower case; of keys that differ in case only, the first counts (RFC 6763 6.4)."""
    txt: dict[str, str] = {}
    for key, value in entries.items():
        txt.setdefault(key.decode(errors="replace").lower(), (value or b"").decode(errors="replace"))
    return txt


def bounded(entries: dict[str, str]) -> dict[str, str]:
    for key, value in entries.items():
        if (length := len(f"{key}={value}".encode())) > MAX_STRING:
            raise RecordError(key, f"{length} bytes with its key, more than {MAX_STRING}", "give a shorter one")
    return entries
