"""The processes of the S.A.F.E. best practices as pure functions: from the entries as they are and a wish to the events that it takes.

    process             before it                                                  what it does
    commission          EVSE-ID free, of the CPO; key plausible, in use nowhere     a new entry, pending until it is public
    decommission        entry of the CPO, not ended                                 the entry ends
    exchange hardware   same model, same meter, same EVSE-ID                        recorded; the key stays
    replace meter       another meter's serial, another key                         a new entry; the old one ends when it becomes public
    update firmware     same meter, another key                                     the same
    take over           offered by the old CPO, claimed in time by the new one      new EVSE-ID, same key and serial; the old entry ends

The entry's state after all events depends on how much of the log is public: what is in no signed tree head is pending.
"""

import base64
from datetime import datetime

import msgspec

from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.calibration.registry.events import (
    AnyEvent,
    Cause,
    HardwareExchanged,
    KeyEnded,
    KeyRegistered,
    TakeOverOffered,
)
from chargebridge.calibration.registry.plausibility import plausible
from chargebridge.wire.signed.keys import PublicKey, read_key


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What a CPO hands in of a key. cpo: country and party, ``DE*ABC``. curve: needed where the key's form does not tell it.

    shared: the signing unit (gateway) serves several charging points with one key.
    """

    evse: str
    cpo: str
    meter: str
    format: str
    key: str
    curve: str | None = None
    station: str = ""
    gateway: str = ""
    valid_from: datetime | None = None
    shared: bool = False


class Entries:
    """All entries, by id and by EVSE-ID. ``apply`` takes events in the order of the log."""

    def __init__(self) -> None:
        self.by_id: dict[str, KeyEntry] = {}
        self.by_evse: dict[str, list[str]] = {}
        self.by_key: dict[str, list[str]] = {}
        self.size = 0

    def apply(self, event: AnyEvent) -> None:
        index, self.size = self.size, self.size + 1
        match event:
            case KeyRegistered():
                key = read_key(event.key, (event.curve,))
                entry = KeyEntry(
                    id=event.entry,
                    evse=event.evse,
                    cpo=event.cpo,
                    key=PublicKey(key.curve, key.x, key.y),
                    meter=event.meter,
                    format=event.format,
                    station=event.station,
                    gateway=event.gateway,
                    cause=event.cause,
                    state=KeyState.PENDING,
                    valid_from=event.valid_from,
                    predecessor=event.predecessor,
                    index=index,
                )
                self.by_id[entry.id] = entry
                self.by_evse.setdefault(fold(entry.evse), []).append(entry.id)
                self.by_key.setdefault(entry.key.fingerprint(), []).append(entry.id)
            case KeyEnded():
                self._change(event.entry, valid_to=event.ended_at, ended_by=event.cause, state=KeyState.DEACTIVATED)
            case HardwareExchanged():
                self._change(event.entry, station=event.station)
            case TakeOverOffered():
                self._change(event.entry, offered_to=event.to, offered_until=event.until)

    def published(self, size: int, at: datetime) -> list[KeyEntry]:
        """A signed head of ``size`` is out since ``at``: pending entries in it are active from then on. Returns those."""
        made = []
        for entry in list(self.by_id.values()):
            if entry.state is KeyState.PENDING and entry.index < size:
                since = max(entry.valid_from or at, at)
                made.append(self._change(entry.id, state=KeyState.ACTIVE, valid_from=since))
                if entry.predecessor and (old := self.by_id.get(entry.predecessor)) and old.valid_to is None:
                    self._change(old.id, state=KeyState.SUPERSEDED, valid_to=since, ended_by=entry.cause)
        return made

    def at(self, evse: str) -> list[KeyEntry]:
        """All that there ever was at an EVSE-ID, oldest first."""
        return [self.by_id[name] for name in self.by_evse.get(fold(evse), [])]

    def current(self, evse: str) -> KeyEntry | None:
        """The one that counts now, or is waiting to be public; the latter only where no other counts."""
        alive = [entry for entry in self.at(evse) if entry.state in (KeyState.ACTIVE, KeyState.PENDING)]
        return next((entry for entry in alive if entry.state is KeyState.ACTIVE), alive[0] if alive else None)

    def alive_with(self, key: PublicKey) -> list[KeyEntry]:
        """Entries that have not ended and hold this key."""
        names = self.by_key.get(key.fingerprint(), [])
        return [entry for name in names if (entry := self.by_id[name]).valid_to is None]

    def _change(self, name: str, **changes: object) -> KeyEntry:
        self.by_id[name] = msgspec.structs.replace(self.by_id[name], **changes)
        return self.by_id[name]


def fold(evse: str) -> str:
    """EVSE-IDs are compared without case and separators (ISO 15118-2 annex H: ``DE*ABC*E1`` and ``DEABCE1`` are one)."""
    return evse.replace("*", "").casefold()


def commission(entries: Entries, handed: Handed, name: str, at: datetime, cause: Cause = Cause.COMMISSIONING) -> list[AnyEvent]:
    """A charging unit that is set up, or set up again. name: of the new entry."""
    _own_evse(handed.evse, handed.cpo)
    if entries.current(handed.evse) is not None:
        raise RegistryError(handed.evse, "has an entry that has not ended", "replace its meter, or decommission it first")
    key = plausible(handed.key, handed.format, handed.curve)
    _unused(entries, key, handed)
    return [_registered(handed, key, name, at, cause, None)]


def decommission(entries: Entries, name: str, cpo: str, at: datetime, ended_at: datetime | None = None) -> list[AnyEvent]:
    """A station that is taken away. What it signed before stays provable; its key may then be used elsewhere."""
    _alive(entries, name, cpo)
    return [KeyEnded(at=at, by=cpo, entry=name, cause=Cause.DECOMMISSIONING, ended_at=ended_at or at)]


def exchange_hardware(entries: Entries, name: str, cpo: str, at: datetime, *, station: str, meter: str, serial: str = "") -> list[AnyEvent]:
    """Another station around the same meter at the same charging point."""
    entry = _alive(entries, name, cpo)
    if entry.station and station != entry.station:
        reason = f"{station!r} is another model than {entry.station!r}"
        raise RegistryError(name, reason, "use the same model; a different one is commissioned anew, with its own conformity")
    if meter != entry.meter:
        raise RegistryError(name, f"the meter is {meter}, not {entry.meter}", "replace the meter as such")
    return [HardwareExchanged(at=at, by=cpo, entry=name, station=station, serial=serial)]


def replace_meter(entries: Entries, old: str, handed: Handed, name: str, at: datetime) -> list[AnyEvent]:
    """Another meter or signing unit at the same charging point. The station is not used before the new key is public."""
    entry = _successor_of(entries, old, handed)
    if handed.meter == entry.meter and handed.gateway == entry.gateway:
        raise RegistryError(
            old, f"the meter is still {handed.meter}", "give the new meter's serial; new keys of the same meter are a firmware update"
        )
    return _succeed(entries, entry, handed, name, at, Cause.METER_REPLACEMENT)


def update_firmware(entries: Entries, old: str, handed: Handed, name: str, at: datetime) -> list[AnyEvent]:
    """The same meter has made itself new keys."""
    entry = _successor_of(entries, old, handed)
    if handed.meter != entry.meter:
        raise RegistryError(old, f"the meter is {handed.meter}, not {entry.meter}", "replace the meter as such")
    return _succeed(entries, entry, handed, name, at, Cause.FIRMWARE_UPDATE)


def offer(entries: Entries, name: str, cpo: str, to: str, at: datetime, until: datetime) -> list[AnyEvent]:
    """The operator says who may take the charging point over."""
    _alive(entries, name, cpo)
    if to == cpo:
        raise RegistryError(name, f"{to} has it already", "name the operator that takes it over")
    if until <= at:
        raise RegistryError(name, "the offer would end before it begins", "give the new operator some days")
    return [TakeOverOffered(at=at, by=cpo, entry=name, to=to, until=until)]


def take_over(entries: Entries, old: str, evse: str, cpo: str, name: str, at: datetime) -> list[AnyEvent]:
    """The new operator claims it under an EVSE-ID of his own; meter and key stay. The old entry ends in the same moment."""
    entry = entries.by_id.get(old)
    if entry is None or entry.valid_to is not None:
        raise RegistryError(old, "there is no such entry, or it has ended", "ask the old operator for its id")
    if entry.offered_to != cpo or entry.offered_until is None or at > entry.offered_until:
        raise RegistryError(old, f"it is not offered to {cpo}", f"have {entry.cpo} offer it")
    _own_evse(evse, cpo)
    if entries.current(evse) is not None:
        raise RegistryError(evse, "has an entry that has not ended", "take another EVSE-ID")
    handed = Handed(
        evse=evse,
        cpo=cpo,
        meter=entry.meter,
        format=entry.format,
        key=entry.key.spki().hex(),
        curve=entry.key.curve,
        station=entry.station,
        gateway=entry.gateway,
        valid_from=at,
    )
    return [
        KeyEnded(at=at, by=cpo, entry=old, cause=Cause.TAKE_OVER, ended_at=at),
        _registered(handed, entry.key, name, at, Cause.TAKE_OVER, old),
    ]


def may_authorise(entries: Entries, evse: str, at: datetime) -> RegistryError | None:
    """Why nobody may charge by calibration law there now; None: they may. The same holds for POI data that claim calibration."""
    current = [entry for entry in entries.at(evse) if entry.holds_at(at)]
    if current:
        return None
    if any(entry.state is KeyState.PENDING for entry in entries.at(evse)):
        return RegistryError(evse, "its key is handed in but not public yet", "wait for the confirmation of the register")
    return RegistryError(evse, "no public key is registered, or it has ended", "commission the charging point")


def _registered(handed: Handed, key: PublicKey, name: str, at: datetime, cause: Cause, predecessor: str | None) -> KeyRegistered:
    return KeyRegistered(
        at=at,
        by=handed.cpo,
        entry=name,
        evse=handed.evse,
        cpo=handed.cpo,
        meter=handed.meter,
        format=handed.format,
        curve=key.curve,
        key=base64.b64encode(key.spki()).decode(),
        cause=cause,
        valid_from=handed.valid_from or at,
        station=handed.station,
        gateway=handed.gateway,
        predecessor=predecessor,
    )


def _succeed(entries: Entries, entry: KeyEntry, handed: Handed, name: str, at: datetime, cause: Cause) -> list[AnyEvent]:
    key = plausible(handed.key, handed.format, handed.curve)
    if key.same(entry.key):
        raise RegistryError(entry.id, "the key is the one that it has already", "read the new key off the meter")
    _unused(entries, key, handed)
    return [_registered(handed, key, name, at, cause, entry.id)]


def _successor_of(entries: Entries, old: str, handed: Handed) -> KeyEntry:
    entry = _alive(entries, old, handed.cpo)
    if fold(handed.evse) != fold(entry.evse):
        raise RegistryError(old, f"is at {entry.evse}, not at {handed.evse}", "the EVSE-ID stays when a meter or its keys change")
    waiting = [other for other in entries.at(handed.evse) if other.state is KeyState.PENDING and other.id != old]
    if waiting:
        raise RegistryError(old, f"{waiting[0].id} is to follow it already", "wait until that one is public")
    return entry


def _alive(entries: Entries, name: str, cpo: str) -> KeyEntry:
    entry = entries.by_id.get(name)
    if entry is None:
        raise RegistryError(name, "there is no such entry", "look the charging point up by its EVSE-ID")
    if entry.valid_to is not None:
        raise RegistryError(name, f"has ended at {entry.valid_to.isoformat()}", "what has ended stays as it is")
    if entry.cpo != cpo:
        raise RegistryError(name, f"is of {entry.cpo}, not of {cpo}", "only its operator may change it")
    return entry


def _own_evse(evse: str, cpo: str) -> None:
    if not fold(evse).startswith(fold(cpo) + "e"):
        raise RegistryError(evse, f"is no EVSE-ID of {cpo}", f"EVSE-IDs of {cpo} begin with {cpo}*E")


def _unused(entries: Entries, key: PublicKey, handed: Handed) -> None:
    for entry in entries.alive_with(key):
        together = handed.shared and handed.gateway and handed.gateway == entry.gateway and handed.cpo == entry.cpo
        if not together:
            cure = "end that entry first, or say that the signing unit serves both (same gateway, shared)"
            raise RegistryError("key", f"it is in use at {entry.evse}", cure)
