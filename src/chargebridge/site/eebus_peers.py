"""A peer in plain words: what it is, what it is called, where we stand, and what a person does next.

Pairing is mutual, and each side sees only its own half; whoever pairs needs to be told what to do at the other device.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from chargebridge.links.eebus.peer import Address, Announced, Peer, Phase
from chargebridge.site.eebus_view import PeerView
from chargebridge.wire.eebus.spine.remote import RemoteDevice

KINDS = {
    "ElectricitySupplySystem": "control box",
    "ChargingStation": "wallbox",
    "HeatGenerationSystem": "heat pump or heating",
    "HeatSinkSystem": "heat pump or heating",
    "HeatStorageSystem": "heat storage",
    "HVACController": "heat pump or heating",
    "HvacController": "heat pump or heating",
    "EnergyManagementSystem": "energy manager",
    "Inverter": "inverter",
    "ElectricityGenerationSystem": "inverter",
    "ElectricityStorageSystem": "battery",
    "SubMeter": "meter",
    "SubMeterElectricity": "meter",
    "Dishwasher": "dishwasher",
    "Washer": "washing machine",
    "Dryer": "tumble dryer",
    "DHWCircuit": "water heating",
}
"""By the device type of mDNS and of SPINE."""
ENTITY_KINDS = {
    "GridGuard": "control box",
    "EVSE": "wallbox",
    "HeatPumpAppliance": "heat pump or heating",
    "Inverter": "inverter",
    "PVSystem": "inverter",
    "ElectricityStorageSystem": "battery",
    "SubMeterElectricity": "meter",
}
CATEGORY_KINDS = {
    1: "control box",
    2: "energy manager",
    3: "wallbox",
    4: "heat pump or heating",
    5: "inverter",
    6: "household appliance",
    7: "meter",
}
UNKNOWN = "EEBUS device"
USE_CASES = {
    "limitationOfPowerConsumption": "LPC",
    "limitationOfPowerProduction": "LPP",
    "monitoringOfPowerConsumption": "MPC",
    "monitoringOfGridConnectionPoint": "MGCP",
    "evseCommissioningAndConfiguration": "EVSECC",
    "evCommissioningAndConfiguration": "EVCC",
    "measurementOfElectricityDuringEvCharging": "EVCEM",
    "overloadProtectionByEvChargingCurrentCurtailment": "OPEV",
    "optimizationOfSelfConsumptionDuringEvCharging": "OSCEV",
    "evStateOfCharge": "EVSOC",
    "coordinatedEvCharging": "CEVC",
}
USED_AS = {"wallbox": "a [[station]]", "heat pump or heating": "a [[load]]", "battery": "a [[battery]]"}
"""The tables that name a device by its SKI."""
PHASES = {
    Phase.SEEN: "on the network",
    Phase.ASKING: "asks to be paired",
    Phase.TRUSTED: "paired, not connected",
    Phase.CONNECTING: "connecting",
    Phase.WAITING: "waits for the other device",
    Phase.DENIED: "refused by the other device",
    Phase.CONNECTED: "connected",
}
STRANGER = "not paired"
ENDS_SOON = timedelta(days=90)
SILENT_START = timedelta(seconds=60)
"""A device that has told no use cases by then offers none."""


def views(
    peers: Iterable[Peer],
    remotes: Mapping[str, RemoteDevice],
    own_ski: str,
    now: datetime,
    serves: Mapping[str, str],
    kinds: Mapping[str, str] | None = None,
) -> tuple[PeerView, ...]:
    """All peers, those first that want something of a person, then the trusted ones, then who is only seen. serves: what SKIs are in the
    configuration, as "station WB-1". kinds: what they were when they were here last."""
    found = tuple(peers)
    twins = _twins(found)
    made = [
        view(
            peer,
            remotes.get(peer.ski),
            own_ski,
            now,
            twin=twins.get(peer.ski),
            serves=serves.get(peer.ski, ""),
            was=(kinds or {}).get(peer.ski, UNKNOWN),
        )
        for peer in found
    ]
    return tuple(sorted(made, key=lambda one: (not one.asks, one.phase is Phase.SEEN, one.name.lower(), one.ski)))


def view(
    peer: Peer,
    remote: RemoteDevice | None,
    own_ski: str,
    now: datetime,
    *,
    twin: str | None = None,
    serves: str = "",
    was: str = UNKNOWN,
) -> PeerView:
    """twin: the SKI of another peer that calls itself the same. was: what it is, where it does not say it now."""
    told, trusted = peer.announced, peer.trusted
    says = kind_of(peer, remote)
    kind = was if says == UNKNOWN else says
    make = " ".join(part for part in (told.brand, told.model) if part) if told else ""
    ship_id = (trusted.ship_id if trusted else None) or (told.ship_id if told else "")
    address = (trusted.static or trusted.address) if trusted else None
    address = address or (told.addresses[0] if told and told.addresses else None)
    return PeerView(
        ski=peer.ski,
        name=(trusted.name if trusted else "") or make or peer.calls_itself or ship_id or kind,
        kind=kind,
        phase=peer.phase,
        said=STRANGER if peer.phase is Phase.SEEN and told is None else PHASES[peer.phase],
        advice=_advice(peer, remote, kind, own_ski, now, twin) or _unused(peer, kind, serves),
        asks=peer.phase is Phase.ASKING,
        origin=trusted.origin if trusted else None,
        since=trusted.since if trusted else None,
        brand=told.brand if told else "",
        model=told.model if told else "",
        serial=told.serial if told else "",
        ship_id=ship_id,
        serves=serves,
        uses=_uses(remote),
        address=peer.remote or (_written(address) if address else ""),
        incoming=peer.incoming,
        registers=bool(told and told.register),
        connected_at=peer.connected_at,
        last_connected=trusted.last_connected if trusted else None,
        last_heard=peer.last_heard,
        trouble=peer.trouble if peer.phase not in (Phase.CONNECTED, Phase.ASKING) else None,
        certificate_not_after=peer.certificate_not_after,
    )


def kind_of(peer: Peer, remote: RemoteDevice | None) -> str:
    """By what its own discovery says, else by mDNS."""
    if remote is not None:
        entities = [ENTITY_KINDS[one] for one in remote.entities.values() if one in ENTITY_KINDS]
        if entities:
            return entities[0]
        if remote.type in KINDS:
            return KINDS[remote.type]
    return UNKNOWN if peer.announced is None else kind_told(peer.announced)


def kind_told(told: Announced) -> str:
    """By what it says of itself by mDNS."""
    if told.type in KINDS:
        return KINDS[told.type]
    return next((CATEGORY_KINDS[one] for one in told.categories if one in CATEGORY_KINDS), UNKNOWN)


def written(ski: str) -> str:
    """A SKI in groups of four, as people compare it."""
    return " ".join(ski[at : at + 4] for at in range(0, len(ski), 4))


def _uses(remote: RemoteDevice | None) -> tuple[str, ...]:
    if remote is None:
        return ()
    return tuple(dict.fromkeys(f"{USE_CASES.get(one.name, one.name)} ({one.actor})" for one in remote.use_cases))


def _advice(peer: Peer, remote: RemoteDevice | None, kind: str, own_ski: str, now: datetime, twin: str | None) -> str:
    ours = written(own_ski)
    if twin is not None and peer.phase not in (Phase.CONNECTED, Phase.ASKING):
        if peer.trusted is not None:
            return (
                f"a device that calls itself the same is here with another SKI ({written(twin)}): it was reset or replaced. "
                "If that is so, pair the new one and unpair this one"
            )
        return (
            f"another device calls itself the same ({written(twin)}): compare the SKI with the device's own page or label before you pair"
        )
    match peer.phase:
        case Phase.ASKING:
            return f"compare its SKI with the one on the {kind}'s own page or label: confirm it if they are the same, refuse it if you do not know it"
        case Phase.SEEN if peer.announced is None:
            return "if it is yours, pair it, or open the pairing window and let it ask again"
        case Phase.SEEN if peer.announced is not None and not peer.announced.register:
            return "pair it if it is yours. It says that it does not accept pairing now: start that on it first"
        case Phase.SEEN:
            return "pair it if it is yours"
        case Phase.WAITING:
            return f"confirm our SKI {ours} on the {kind} now: it waits for that"
        case Phase.DENIED if kind == "control box":
            return f"have the metering operator enter our SKI {ours} and our SHIP ID for this control box; we go on trying"
        case Phase.DENIED:
            return f"on the {kind}, delete old entries of this house and confirm our SKI {ours}, in its menu for EEBUS; we go on trying"
        case Phase.TRUSTED if peer.trouble is None and _nowhere(peer):
            return (
                "its address is not known: see that it is on and in the same network as we are, or pair it again with its host and port. "
                "It may also come to us"
            )
        case Phase.CONNECTED:
            return _connected(peer, remote, now)
    return ""


def _nowhere(peer: Peer) -> bool:
    known = peer.trusted is not None and (peer.trusted.static or peer.trusted.address)
    return not known and not (peer.announced and peer.announced.addresses)


def _connected(peer: Peer, remote: RemoteDevice | None, now: datetime) -> str:
    ends = peer.certificate_not_after
    if ends is not None and ends < now:
        return f"its certificate ended on {ends:%Y-%m-%d}: it works on, but ask its maker for a new one; it has to be paired again then"
    if ends is not None and ends < now + ENDS_SOON:
        return f"its certificate ends on {ends:%Y-%m-%d}: ask its maker; with a new one it has to be paired again"
    waited = peer.connected_at is not None and now - peer.connected_at > SILENT_START
    if waited and remote is not None and remote.discovered and not remote.use_cases:
        return "it is connected but offers no use case: switch EEBUS functions on in its menu, or ask its maker"
    return ""


def _unused(peer: Peer, kind: str, serves: str) -> str:
    """Paired is not used: a device does something here only where the configuration names it."""
    if peer.phase is not Phase.CONNECTED or serves or kind not in USED_AS:
        return ""
    return f'it is paired, but nothing uses it: give {USED_AS[kind]} of the configuration eebus = "{peer.ski}", and start the site again'


def _twins(peers: tuple[Peer, ...]) -> dict[str, str]:
    """Of peers with the same SHIP ID, for each the SKI of another one that is on the network now."""
    named: dict[str, list[Peer]] = {}
    for peer in peers:
        ship_id = peer.announced.ship_id if peer.announced else peer.trusted.ship_id if peer.trusted else None
        if ship_id:
            named.setdefault(ship_id, []).append(peer)
    found = {}
    for same in named.values():
        for peer in same:
            other = next((one.ski for one in same if one.ski != peer.ski and (one.announced or one.connected_at)), None)
            if other is not None:
                found[peer.ski] = other
    return found


def _written(address: Address) -> str:
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
