"""Test data for the page of grid and EEBUS: a control box that limits, a wallbox that asks, others in trouble; and it does what it is asked."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chargebridge.links.eebus.peer import Address, Announced, Origin, Peer, Phase, Refusal, Trouble, Trusted
from chargebridge.model.errors import UnknownNameError
from chargebridge.site.eebus_peers import views
from chargebridge.site.eebus_view import EebusNode, EebusView, GridLimit, LimitWrite, TracedMessage
from chargebridge.wire.eebus.ship import qr
from chargebridge.wire.eebus.spine.remote import RemoteDevice, UseCase

OURS = "3d0f5e1a7c9b2468ace013579bdf02468ace1357"
BOX, WALLBOX, HEAT_PUMP, STRANGER = "b0" * 20, "a1c5" * 10, "77e0" * 10, "0d15" * 10
FINGERPRINT = "9F" * 32
WRITES = (
    ("limit", True, 4200.0, 3600.0, "limit 4.2 kW for 1 h", "", "limited", 31.0),
    ("limit", True, -1.0, None, "limit \u22121 W", "a limit of consumption below 0 W (LPC-001)", "unlimited/controlled", 2.0),
    ("failsafe duration", None, None, 7200.0, "failsafe duration 2 h", "", "unlimited/controlled", 5.0),
    ("failsafe limit", None, 4200.0, None, "failsafe limit 4.2 kW", "", "unlimited/controlled", 6.0),
    ("limit", False, 4200.0, None, "no limit", "", "unlimited/controlled", 24.0),
)
TRACE = (
    ("in", "ship", "connectionHello", "", "", "ready, waits 60 s", ""),
    (
        "out",
        "reply",
        "nodeManagementDetailedDiscoveryData",
        "0:0",
        "0:0",
        "d:_n:chargebridge_12, EnergyManagementSystem, [1] CEM, 9 features",
        "",
    ),
    ("in", "call", "nodeManagementBindingRequestCall", "0:0", "0:0", "LoadControl 1:2 at 1:1", ""),
    ("out", "result", "nodeManagementBindingRequestCall", "0:0", "0:0", "", "ok"),
    ("in", "notify", "deviceDiagnosisHeartbeatData", "1:5", "1:4", "number 12, next within PT60S", ""),
    ("in", "write", "loadControlLimitListData", "1:2", "1:1", "part: limit 0: -1, active", ""),
    (
        "out",
        "result",
        "loadControlLimitListData",
        "1:1",
        "1:2",
        "",
        "error 7, command rejected: a limit of consumption below 0 W (LPC-001)",
    ),
    ("in", "write", "loadControlLimitListData", "1:2", "1:1", "part: limit 0: 4200, active, for PT1H", ""),
    ("out", "result", "loadControlLimitListData", "1:1", "1:2", "", "ok"),
    ("out", "notify", "loadControlLimitListData", "1:1", "1:2", "limit 0: 4200, active, for PT1H", ""),
)


class PageEebus:
    """An ``EebusService`` in memory."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._until: datetime | None = None
        box = Announced(
            ski=BOX,
            ship_id="Elbwerk-Wacht-0815",
            addresses=(Address("192.168.178.40", 4712),),
            brand="Elbwerk",
            model="Wacht 3",
            type="ElectricitySupplySystem",
            seen_at=began,
        )
        self._peers = {
            BOX: Peer(
                ski=BOX,
                phase=Phase.CONNECTED,
                trusted=Trusted(ski=BOX, origin=Origin.USER, since=began - timedelta(days=40), name="Control box", ship_id=box.ship_id),
                announced=box,
                incoming=True,
                remote="192.168.178.40:51234",
                connected_at=began - timedelta(hours=9),
                last_heard=began,
                certificate_not_after=began + timedelta(days=2000),
            ),
            WALLBOX: Peer(
                ski=WALLBOX,
                phase=Phase.ASKING,
                announced=replace(box, ski=WALLBOX, ship_id="Nordlicht-Kai-7", brand="Nordlicht", model="Kai 22", type="ChargingStation"),
                incoming=True,
                remote="192.168.178.61:40112",
                last_heard=began,
            ),
            HEAT_PUMP: Peer(
                ski=HEAT_PUMP,
                phase=Phase.DENIED,
                trusted=Trusted(ski=HEAT_PUMP, origin=Origin.USER, since=began - timedelta(days=2), name="Heat pump"),
                announced=replace(box, ski=HEAT_PUMP, ship_id="Fjord-WP-9", brand="Fjord", model="WP 9", type="HeatGenerationSystem"),
                trouble=Trouble(
                    began, "it closed with 4452: it does not trust us", "confirm this node in its menu, where it shows its SKI"
                ),
            ),
            STRANGER: Peer(
                ski=STRANGER,
                phase=Phase.SEEN,
                announced=replace(box, ski=STRANGER, ship_id="Speicher-1", brand="Haff", model="Speicher", type="Inverter", register=True),
            ),
        }

    def view(self) -> EebusView:
        now = datetime.now(UTC)
        if self._until is not None and self._until <= now:
            self._until = None
        remote = RemoteDevice()
        remote.type, remote.entities = "ElectricitySupplySystem", {(1,): "GridGuard"}
        remote.use_cases = (UseCase("EnergyGuard", "limitationOfPowerConsumption", "1.0.0", (1,), (1, 2, 3), True),)
        remotes = {BOX: remote} if BOX in self._peers else {}
        code = qr.ShipCode(ski=OURS, ship_id="chargebridge-chargebridge-12", brand="chargebridge", model="chargebridge", serial="12")
        heard = self._began + timedelta(seconds=((now - self._began).total_seconds() // 30) * 30)
        limit = GridLimit(
            use_case="LPC",
            state="limited",
            said="limited to 4.2 kW until 23:59",
            since=self._began - timedelta(minutes=10),
            limit_w=4200.0,
            until=self._began + timedelta(minutes=50),
            failsafe_w=4200.0,
            failsafe_s=7200.0,
            nominal_w=43_000.0,
            guard=BOX,
            guard_name="Control box",
            heartbeat_at=heard,
            silent_after_s=120.0,
            accepted=4,
            refused=1,
        )
        return EebusView(
            at=now,
            node=EebusNode(
                ski=OURS,
                ship_id=code.ship_id,
                fingerprint=FINGERPRINT,
                brand=code.brand,
                model=code.model,
                serial=code.serial,
                type="EnergyManagementSystem",
                not_after=self._began + timedelta(days=3650),
                code=qr.to_text(code),
                port=4712,
                announced_on=("192.168.178.20",),
                pairing_service=True,
            ),
            window_until=self._until,
            peers=views(self._peers.values(), remotes, OURS, now, {}),
            limits=(limit,),
            writes=self._writes(),
            refusals=(
                Refusal(
                    host="192.168.178.77",
                    at=self._began,
                    times=4,
                    reason="TLS handshake: peer did not return a certificate",
                    cure="use TLS 1.2 with an EC certificate of your own, and one of SHIP's cipher suites",
                ),
            ),
        )

    def _writes(self) -> tuple[LimitWrite, ...]:
        return tuple(
            LimitWrite(
                at=self._began - timedelta(minutes=10 + 7 * number),
                use_case="LPC",
                peer=BOX,
                peer_name="Control box",
                what=what,
                active=active,
                value_w=value,
                duration_s=lasts,
                said=said,
                accepted=not why,
                why=why,
                state=state,
                decided_ms=took / 2,
                answered_ms=took,
                told_ms=took * 9 if what == "limit" and not why else None,
                kept_ms=took * 60 if what == "limit" and not why else None,
            )
            for number, (what, active, value, lasts, said, why, state, took) in enumerate(WRITES)
        )

    def trace(self, peer: str | None = None, after: int = 0, limit: int = 200) -> tuple[TracedMessage, ...]:
        rows = tuple(
            TracedMessage(
                number=number,
                at=self._began - timedelta(seconds=60 - number),
                peer=BOX,
                peer_name="Control box",
                direction=direction,  # type: ignore[arg-type]
                classifier=classifier,
                function=function,
                source=source,
                destination=destination,
                value=value,
                result=result,
                raw='{"datagram":[{"header":[{"specificationVersion":"1.3.0"},{"msgCounter":' + str(number) + "}]}]}",
            )
            for number, (direction, classifier, function, source, destination, value, result) in enumerate(TRACE, 1)
        )
        return tuple(row for row in rows if row.number > after and peer in (None, row.peer))[-limit:]

    async def writes(self, limit: int = 100) -> tuple[LimitWrite, ...]:
        return self._writes()[:limit]

    def secret_code(self) -> str:
        return self.view().node.code.replace("ENDSHIP", "SPSEC:00112233445566778899AABBCCDDEEFF;ENDSHIP")

    async def pair(self, ski: str, by: str, *, name: str = "", host: str | None = None, port: int | None = None) -> None:
        peer = self._peers.get(ski, Peer(ski=ski, phase=Phase.TRUSTED))
        phase = Phase.CONNECTED if peer.phase is Phase.ASKING else Phase.WAITING
        now = datetime.now(UTC)
        trusted = Trusted(ski=ski, origin=Origin.USER, since=now, name=name)
        self._peers[ski] = replace(peer, phase=phase, trusted=trusted, connected_at=now)

    async def unpair(self, ski: str, by: str) -> None:
        peer = self._known(ski)
        self._peers[ski] = replace(peer, phase=Phase.SEEN, trusted=None, connected_at=None, trouble=None)

    async def refuse(self, ski: str, by: str) -> None:
        self._peers[ski] = replace(self._known(ski), phase=Phase.SEEN)

    def open_window(self, duration_s: float, by: str) -> None:
        self._until = datetime.now(UTC) + timedelta(seconds=duration_s)

    def close_window(self, by: str) -> None:
        self._until = None

    def _known(self, ski: str) -> Peer:
        if ski not in self._peers:
            raise UnknownNameError(f"peer {ski}", "is not known", "GET /api/v1/eebus lists them")
        return self._peers[ski]
