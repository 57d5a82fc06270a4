"""What people may see of a running EEBUS hub and ask of it: the one implementation behind page, REST and commands."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.identity_folder import certificate_end
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.trace import Line
from chargebridge.model.clock import SteadyClock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.limit import Direction
from chargebridge.site.eebus_peers import views, written
from chargebridge.site.eebus_view import EebusNode, EebusView, GridLimit, LimitWrite, PeerView, TracedMessage
from chargebridge.site.eebus_words import standing
from chargebridge.site.eebus_words import written as write_said
from chargebridge.site.grid.view import GridService, InstructionRow
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.ship import qr
from chargebridge.wire.eebus.ship.identity import CURVES, normal_ski
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import Now
from chargebridge.wire.eebus.usecases import lpp
from chargebridge.wire.eebus.usecases.controllable_system import Limited
from chargebridge.wire.eebus.usecases.limit_record import Asked
from chargebridge.wire.eebus.usecases.limitation import SILENCE_S

USE_CASE: dict[Direction, Literal["LPC", "LPP"]] = {Direction.CONSUMPTION: "LPC", Direction.PRODUCTION: "LPP"}
SENDER = "eebus"
NOTE = "note"
TOLD_MAX = 20
"""Of so many that ask the event log tells in one window."""


class EebusOffice:
    """Implements ``EebusService``. Made before the hub runs.

    limits: our Controllable System's, as they are now. record: where the writes of Energy Guards are found. tell: for the event log.
    secret: of the pairing service, None where we do not listen for it. serves: what SKIs are in the configuration, as "station WB-1".
    """

    def __init__(
        self,
        hub: Hub,
        clock: SteadyClock,
        timezone: str,
        *,
        limits: Callable[[], Iterable[Limited]] = tuple,
        record: GridService | None = None,
        tell: Callable[[str, str, str], None] = lambda kind, text, subject: None,
        secret: bytes | None = None,
        serves: Mapping[str, str] | None = None,
    ) -> None:
        self._hub, self._clock, self._zone = hub, clock, ZoneInfo(timezone)
        self._limits, self._record, self._tell, self._secret = limits, record, tell, secret
        self._serves = serves or {}
        self._called: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._counts: Counter[tuple[str, bool]] = Counter()
        self._not_after = certificate_end(hub.identity)
        self._told_of: set[str] = set()
        hub.listen(self._hear)
        hub.on_change(self._look)

    async def _hear(self, event: Event, now: Now) -> None:
        if isinstance(event, Asked):
            self._counts[event.use_case, not event.refusal] += 1

    def _look(self) -> None:
        """Whoever asks is told of in the event log, once in each pairing window: its owner may be on another page."""
        for one in self._peers():
            if one.asks and one.ski not in self._told_of and len(self._told_of) < TOLD_MAX:
                self._told_of.add(one.ski)
                self._tell("eebus", f"{one.name} asks to be paired, with the SKI {written(one.ski)}", one.ski)

    # What is shown

    def view(self) -> EebusView:
        peers = self._peers()
        return EebusView(
            at=self._clock.now(),
            node=self._node(),
            window_until=self._hub.window_until,
            peers=peers,
            limits=tuple(self._limit(one, peers) for one in self._limits()),
            writes=tuple(self._write(row, peers) for row in (self._record.latest() if self._record else ()) if row.source == SENDER),
            refusals=self._hub.refusals(),
        )

    async def writes(self, limit: int = 100) -> tuple[LimitWrite, ...]:
        if self._record is None:
            return ()
        peers = self._peers()
        return tuple(self._write(row, peers) for row in await self._record.instructions(limit) if row.source == SENDER)

    def trace(self, peer: str | None = None, after: int = 0, limit: int = 200) -> tuple[TracedMessage, ...]:
        names = {one.ski: one.name for one in self._peers()}
        ski = None if peer is None else self._ski(peer)
        raw = {entry.number: entry.raw for entry in self._hub.trace.entries(ski, after)}
        return tuple(_traced(line, names, raw.get(line.number, b"")) for line in self._hub.trace.lines(ski, after, limit))

    def secret_code(self) -> str:
        if self._secret is None:
            raise ModelError(
                "pairing service",
                "is not listened for",
                "name the addresses for mDNS in [eebus] interfaces: a control box announces itself by it",
            )
        return self._code(self._secret)

    # What is asked

    async def pair(self, ski: str, by: str, *, name: str = "", host: str | None = None, port: int | None = None) -> None:
        if (host is None) != (port is None):
            raise ModelError("address", "one of host and port is missing", "give both, or neither")
        address = Address(host, port) if host is not None and port is not None else None
        found = next((one for one in self._peers() if one.ski == self._ski(ski)), None)
        if not name and found is not None and found.name != found.kind:
            name = found.name  # so that it keeps the name under which it was confirmed
        with _as_ours():
            await self._hub.pair(ski, address=address, name=name)
        self._tell("eebus", f"{self._named(normal_ski(ski))} was paired", by)

    async def unpair(self, ski: str, by: str) -> None:
        found = self._known(ski)
        if found.origin is None:
            raise UnknownNameError(f"peer {found.ski}", "is not paired", "only a paired one can be unpaired")
        with _as_ours():
            await self._hub.unpair(found.ski)
        self._tell("eebus", f"{found.name} ({written(found.ski)}) was unpaired", by)

    async def refuse(self, ski: str, by: str) -> None:
        found = self._known(ski)
        if not found.asks:
            raise UnknownNameError(f"peer {found.ski}", "does not ask to be paired", "it may ask again while the pairing window is open")
        await self._hub.refuse(found.ski)
        self._tell("eebus", f"{found.name} ({written(found.ski)}) was refused", by)

    def open_window(self, duration_s: float, by: str) -> None:
        self._hub.open_window(duration_s)
        self._told_of.clear()
        self._tell("eebus", f"the EEBUS pairing window is open for {duration_s:g} s", by)

    def close_window(self, by: str) -> None:
        self._hub.close_window()

    # Inside

    def _peers(self) -> tuple[PeerView, ...]:
        remotes = {ski: link.remote for ski, link in self._hub.node.links.items()}
        found = self._hub.peers()
        self._called = {one.ski: name for one in found if (name := one.calls_itself or self._called.get(one.ski, ""))}
        named = (replace(one, calls_itself=self._called.get(one.ski, "")) for one in found)
        made = views(named, remotes, self._hub.identity.ski, self._clock.now(), self._serves, self._kinds)
        self._kinds = {one.ski: one.kind for one in made}
        return made

    def _known(self, ski: str) -> PeerView:
        wanted = self._ski(ski)
        found = next((one for one in self._peers() if one.ski == wanted), None)
        if found is None:
            raise UnknownNameError(f"peer {wanted}", "is not known", "GET /api/v1/eebus/peers, or `chargebridge eebus peers`, lists them")
        return found

    def _ski(self, text: str) -> str:
        with _as_ours():
            return normal_ski(text)

    def _named(self, ski: str) -> str:
        name = next((one.name for one in self._peers() if one.ski == ski), "")
        return f"{name} ({written(ski)})"

    def _node(self) -> EebusNode:
        settings, identity = self._hub.settings, self._hub.identity
        return EebusNode(
            ski=identity.ski,
            ship_id=settings.ship_id,
            fingerprint=identity.fingerprint,
            brand=settings.brand,
            model=settings.model,
            serial=settings.serial,
            type=settings.type,
            not_after=self._not_after,
            code=self._code(None),
            port=self._hub.port or None,
            announced_on=settings.interfaces,
            pairing_service=self._secret is not None,
        )

    def _code(self, secret: bytes | None) -> str:
        settings, identity = self._hub.settings, self._hub.identity
        code = qr.ShipCode(
            ski=identity.ski,
            ship_id=settings.ship_id,
            brand=settings.brand,
            type=settings.type,
            model=settings.model,
            serial=settings.serial,
            categories=settings.categories,
            fingerprints={CURVES[0]: identity.fingerprint},
            secret=secret,
        )
        with _as_ours():
            return qr.to_text(code)

    def _limit(self, limited: Limited, peers: tuple[PeerView, ...]) -> GridLimit:
        machine, now = limited.machine, self._hub.now()

        def at(steady_s: float | None) -> timedelta | None:
            return None if steady_s is None else timedelta(seconds=steady_s - now.s)

        wall = self._clock.now()
        since = wall + (at(machine.entered_s) or timedelta())
        heartbeat, ends = at(machine.heartbeat_s), at(machine.ends_s)
        heartbeat_at, until = (None if away is None else wall + away for away in (heartbeat, ends))
        limit_w = None if limited.applied_w is None else float(limited.applied_w)
        production = limited.settings.production
        use_case: Literal["LPC", "LPP"] = "LPP" if limited.kind is lpp.LPP else "LPC"
        said = standing(
            machine.state,
            limit_w=limit_w,
            until=until,
            heartbeat_at=heartbeat_at,
            since=since,
            now=wall,
            zone=self._zone,
            production=production,
        )
        return GridLimit(
            use_case=use_case,
            state=machine.state.value,
            said=said,
            since=since,
            limit_w=limit_w,
            until=until,
            failsafe_w=float(machine.memory.failsafe_w),
            failsafe_s=machine.memory.failsafe_s,
            nominal_w=float(limited.settings.nominal_w),
            guard=limited.guard,
            guard_name=next((one.name for one in peers if one.ski == limited.guard), ""),
            heartbeat_at=heartbeat_at,
            silent_after_s=SILENCE_S,
            accepted=self._counts[limited.kind.name, True],
            refused=self._counts[limited.kind.name, False],
        )

    def _write(self, row: InstructionRow, peers: tuple[PeerView, ...]) -> LimitWrite:
        return LimitWrite(
            at=row.received_at,
            use_case=USE_CASE[row.direction],
            peer=row.sender,
            peer_name=next((one.name for one in peers if one.ski == row.sender), written(row.sender)),
            what=row.what,
            active=row.active,
            value_w=row.value_w,
            duration_s=row.duration_s,
            said=write_said(row.what, row.active, row.value_w, row.duration_s),
            accepted=row.accepted,
            why=row.why,
            state=row.state,
            decided_ms=row.decided_ms,
            answered_ms=row.answered_ms,
            told_ms=row.told_ms,
            kept_ms=row.kept_ms,
            unreached=row.unreached,
        )


def _traced(line: Line, names: dict[str, str], raw: bytes) -> TracedMessage:
    read = line.readable
    return TracedMessage(
        number=line.number,
        at=line.at,
        peer=line.peer,
        peer_name=names.get(line.peer, line.peer[:8]),
        direction=line.direction,
        classifier=NOTE if read is None else read.classifier,
        function="" if read is None else read.function,
        source="" if read is None else read.source,
        destination="" if read is None else read.destination,
        value=line.text if read is None else read.value,
        result="" if read is None else read.result,
        raw="" if read is None else raw[1:].decode(errors="replace"),
    )


@contextmanager
def _as_ours() -> Iterator[None]:
    """The wire knows nothing of our errors."""
    try:
        yield
    except EebusError as error:
        raise ModelError(error.position, error.reason, error.cure) from None
