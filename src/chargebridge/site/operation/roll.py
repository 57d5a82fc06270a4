"""The roll of the charging stations: what each has said of itself, and what there is to show of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.session import PointStatus
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.operation.message_log import MessageLog
from chargebridge.site.operation.view import EvseView, StationRow
from chargebridge.stations.eebus import Wallbox
from chargebridge.stations.ocpp import CentralSystem, OcppStation
from chargebridge.stations.port import Outcome, StationInfo
from chargebridge.wire.ocpp.tolerance import propose

EEBUS = "eebus"


class Roll:
    """added: the stations that were taken in from a file. wallboxes: those that speak EEBUS."""

    def __init__(self, live: Live, central: CentralSystem, wallboxes: Iterable[Wallbox], log: MessageLog, clock: Clock) -> None:
        self._live, self._central, self._log, self._clock = live, central, log, clock
        self._wallboxes = wallboxes
        self._infos: dict[str, tuple[StationInfo, datetime]] = {}
        self.added: set[str] = set()

    def remember(self, infos: dict[str, tuple[StationInfo, datetime]]) -> None:
        """What each said at its last boot, and when."""
        self._infos = infos

    def booted(self, identity: str, request: Any) -> None:
        """request: a BootNotification of any version."""
        self._infos[identity] = _info(identity, request, self._spoken(identity)), self._clock.now()

    def rows(self) -> tuple[StationRow, ...]:
        return (*(self.row(station) for station in self._central), *(self.wallbox(one) for one in self._wallboxes))

    def wallbox(self, box: Wallbox) -> StationRow:
        info, booted_at = self._infos.get(box.identity, (None, None))
        info, booted_at = (box.info, box.connected_at) if box.info is not None else (info, booted_at)
        state = "offline" if info is not None else "unseen"
        if box.connected_at is not None:
            state = "online" if box.online else "connected"
        return StationRow(
            identity=box.identity,
            state=state,
            protocol=EEBUS,
            security_profile=None,
            vendor=info.vendor if info else "",
            model=info.model if info else "",
            serial=info.serial if info else None,
            firmware=info.firmware if info else None,
            remote=None,
            heard_at=box.heard_at,
            booted_at=booted_at,
            evses=tuple(_point(number, self._live.at(box.identity, number)) for number in self._numbers(box)),
            setup_refused=0,
            faulty_messages=0,
        )

    def _numbers(self, box: Wallbox) -> list[int]:
        return sorted({*box.bays, *(at.point.evse for at in self._live.of(box.identity))})

    def row(self, station: OcppStation) -> StationRow:
        identity = station.identity
        info, booted_at = self._infos.get(identity, (None, None))
        session = station.session
        heard_at = self._log.heard_at.get(identity)
        state = "offline" if heard_at is not None or info is not None else "unseen"
        if session is not None:
            state = "online" if station.online else "connected"
        return StationRow(
            identity=identity,
            state=state,
            protocol=self._spoken(identity) or (info.protocol if info else None),
            security_profile=max(station.settings.security_profile, self._central.security.vault.credentials(identity).profile or 0),
            vendor=info.vendor if info else "",
            model=info.model if info else "",
            serial=info.serial if info else None,
            firmware=info.firmware if info else None,
            remote=session.remote if session is not None else None,
            heard_at=heard_at,
            booted_at=booted_at,
            evses=self._evses(station),
            setup_refused=sum(answer.outcome is not Outcome.ACCEPTED for answer in station.setup.values()),
            faulty_messages=self._log.faulty.get(identity, 0),
            tolerance=station.settings.tolerance,
            proposed=propose(info.vendor, info.model) if info is not None and station.settings.tolerance is None else (),
            mended=dict(self._log.mended.get(identity, {})),
            added=identity in self.added,
        )

    def _spoken(self, identity: str) -> str:
        station = self._central.station(identity)
        return station.language.dialect.name if station is not None and station.language is not None else ""

    def _evses(self, station: OcppStation) -> tuple[EvseView, ...]:
        points = {at.point.evse: at for at in self._live.of(station.identity)}
        numbers = sorted({*points, *range(1, len(station.settings.evses) + 1), *(evse for evse, _ in station.connectors if evse)})
        return tuple(_evse(number, points.get(number), station) for number in numbers)

    def protocol_of(self, identity: str) -> str:
        """What a station speaks, or spoke last; "" when it was never heard."""
        known = self._infos.get(identity)
        return self._spoken(identity) or (known[0].protocol if known is not None else "")

    def is_busy(self, identity: str) -> bool:
        """Whether a transaction runs there, by what the site or the station says."""
        station = self._central.station(identity)
        return any(at.session is not None for at in self._live.of(identity)) or (station is not None and bool(station.running))

    def firmware_of(self, identity: str) -> str | None:
        known = self._infos.get(identity)
        return known[0].firmware if known else None


def _info(station: str, request: Any, protocol: str) -> StationInfo:
    """Of a BootNotification of either kind."""
    about = getattr(request, "charging_station", None)
    if about is not None:
        return StationInfo(
            station=station,
            protocol=protocol,
            vendor=about.vendor_name,
            model=about.model,
            serial=about.serial_number or None,
            firmware=about.firmware_version or None,
        )
    return StationInfo(
        station=station,
        protocol=protocol,
        vendor=request.charge_point_vendor,
        model=request.charge_point_model,
        serial=request.charge_point_serial_number or request.charge_box_serial_number or None,
        firmware=request.firmware_version or None,
    )


def _evse(number: int, at: LivePoint | None, station: OcppStation) -> EvseView:
    connectors = {connector: word for (evse, connector), word in station.connectors.items() if evse == number}
    return _point(number, at, connectors, next((name for name, evse in station.running.items() if evse == number), None))


def _point(number: int, at: LivePoint | None, connectors: dict[int, str] | None = None, transaction: str | None = None) -> EvseView:
    """connectors, transaction: what the station itself says, where the site has no point there."""
    bare = EvseView(
        evse=number,
        point=None,
        name="",
        status=PointStatus.UNKNOWN,
        error=None,
        connectors=connectors or {},
        transaction=transaction,
        energy_wh=None,
        power_w=None,
        offered_a=None,
    )
    if at is None:
        return bare
    session = at.session
    return replace(
        bare,
        point=at.point.id,
        name=at.point.name,
        status=at.status,
        error=at.error,
        transaction=session.transaction if session is not None else bare.transaction,
        energy_wh=session.energy_wh if session is not None else None,
        power_w=at.power_w,
        offered_a=at.offers[-1].current_a if at.offers else None,
    )
