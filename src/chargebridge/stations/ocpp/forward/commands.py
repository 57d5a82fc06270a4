"""What a foreign back end asks of the station, held against the rules: refused, written into our books, or passed on to the station."""

import itertools
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.limit import Limit
from chargebridge.stations.commands import Command, RemoteStop
from chargebridge.stations.ocpp.forward import older, outbox, profiles, rules
from chargebridge.stations.ocpp.forward.cards import Cards
from chargebridge.stations.ocpp.forward.link import Link
from chargebridge.stations.ocpp.session import RefusedError
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.port import Answer, Outcome
from chargebridge.stations.profiles import ChargingProfile
from chargebridge.store import Database
from chargebridge.wire.ocpp import V16, Dialect, ErrorCode, PayloadError, v16
from chargebridge.wire.ocpp.payload import Payload

log = structlog.get_logger()

STARTS = {"RemoteStartTransaction", "RequestStartTransaction"}
STOPS = {"RemoteStopTransaction", "RequestStopTransaction"}
ASKS_REPORT = {"GetBaseReport", "GetReport", "GetMonitoringReport", "GetDisplayMessages"}


class LimitDesk(Protocol):
    """The site's limit book."""

    def limits_of(self, name: str) -> tuple[Limit, ...]: ...

    async def enter_limit(self, limit: Limit, by: str) -> None: ...

    async def withdraw_limit(self, limit: str, by: str, starts_at: datetime | None = None) -> None: ...


class Point(msgspec.Struct, frozen=True):
    """A point of ours: its EVSE, its name in the limit book, how many phases it has."""

    evse: int
    node: str
    phases: int


class Commands:
    """station: of an identity; points: of a station; desk: None until the site is there."""

    def __init__(
        self,
        station: Callable[[str], OcppStation | None],
        points: Callable[[str], tuple[Point, ...]],
        desk: Callable[[], LimitDesk | None],
        cards: Cards,
        database: Database,
        clock: Clock,
    ) -> None:
        self._station, self._points, self._desk = station, points, desk
        self._cards, self._database, self._clock = cards, database, clock
        self.reports: dict[tuple[str, int], tuple[str, int]] = {}  # (station, our request id) -> (back end, its request id)
        self._report_ids = itertools.count(random.randrange(1 << 24, 1 << 30))

    async def asked(self, link: Link, request: Payload) -> Payload:
        """The answer to a back end's call. Raises RefusedError."""
        dialect = link.dialect
        assert dialect is not None
        action = dialect.action(request)
        station = self._station(link.station)
        if not rules.may(link.backend, action):
            return self._refuse(link, dialect, action, "not allowed to this back end", ErrorCode.SECURITY_ERROR)
        if station is None or rules.touches_ours(request, station.settings.fallback_setting):
            return self._refuse(link, dialect, action, "only the station's own operator writes this", ErrorCode.SECURITY_ERROR)
        if rules.GROUP_OF[action] == "limit":
            handle: Callable[..., Awaitable[bool]] = self._set_profile if action == "SetChargingProfile" else self._clear_profiles
            done = await handle(link, station, request)
            words = {
                True: b'{"status":"Accepted"}',
                False: b'{"status":"Rejected"}' if action == "SetChargingProfile" else b'{"status":"Unknown"}',
            }
            link.state.commands_refused += not done
            return dialect.decode_response(action, words[done])
        mapped = await self._for_us(link, station, action, request)
        if mapped is None:
            return self._refuse(
                link, dialect, action, "not known here, not this back end's, or not to be reworded", ErrorCode.SECURITY_ERROR
            )
        if isinstance(mapped, Command):
            return await self._order(link, station, dialect, action, mapped)
        return await self._pass_down(link, station, dialect, action, mapped)

    def _refuse(self, link: Link, dialect: Dialect, action: str, why: str, code: ErrorCode) -> Payload:
        log.info("back end refused", backend=link.backend.name, station=link.station, action=action, why=why)
        response = rules.refusal(dialect, action)
        if response is None:
            raise RefusedError(code, why)
        link.state.commands_refused += 1
        return response

    async def _pass_down(self, link: Link, station: OcppStation, dialect: Dialect, action: str, request: Payload) -> Payload:
        """To the station, and its answer back. What it did not say is not made up."""
        language = station.language
        said = request if language is None or language.dialect is dialect else rules.convert(request, language.dialect, action)
        if language is None or said is None:
            return self._refuse(link, dialect, action, "the station cannot be told this", ErrorCode.NOT_SUPPORTED)
        answer = await station.pass_down(said)
        if isinstance(answer, Answer):
            if answer.outcome is Outcome.OFFLINE:
                return self._refuse(link, dialect, action, "the station is not connected", ErrorCode.GENERIC_ERROR)
            code = ErrorCode.NOT_SUPPORTED if answer.outcome is Outcome.UNSUPPORTED else ErrorCode.GENERIC_ERROR
            raise RefusedError(code, f"the station: {answer.detail}")
        told = answer if language.dialect is dialect else rules.convert(answer, dialect, action, answer=True)
        if told is None:
            raise RefusedError(ErrorCode.GENERIC_ERROR, "the station's answer has no words in this version")
        return told

    async def _order(self, link: Link, station: OcppStation, dialect: Dialect, action: str, command: Command) -> Payload:
        """What a back end of 1.6 asks of a newer station, in the vocabulary of all versions."""
        reply = await station.command(command)
        accepted = "Accepted" if reply.outcome is Outcome.ACCEPTED else "Rejected"
        for status in ((reply.response or {}).get("status"), accepted):
            with suppress(PayloadError):
                return dialect.decode_response(action, msgspec.json.encode({"status": status}))
        return self._refuse(link, dialect, action, f"the station: {reply.detail}", ErrorCode.GENERIC_ERROR)

    async def _for_us(self, link: Link, station: OcppStation, action: str, request: Payload) -> Payload | Command | None:
        """The request with our ids in it, as a command where the station is newer than the back end; None: it names what is not theirs."""
        told: Any = request
        newer = link.dialect is V16 and station.language is not None and station.language.dialect is not V16
        if action in STARTS:
            profile = told.charging_profile
            if profile:  # it would reach the station past the limit book
                return None
            token = told.id_tag if isinstance(request, v16.RemoteStartTransactionRequest) else told.id_token.id_token
            await self._cards.vouch(link.station, token, link.backend.name)
        elif action in STOPS:
            shared = await self._shared(link, told.transaction_id)
            if shared is None or not (shared.owned or "stop_all" in link.backend.may):
                return None
            if newer:
                return RemoteStop(transaction=shared.transaction)
            if isinstance(request, v16.RemoteStopTransactionRequest):
                return replace(request, transaction_id=int(shared.transaction))
        elif action in ASKS_REPORT:
            number = next(self._report_ids)
            self.reports[link.station, number] = (link.backend.name, told.request_id)
            while len(self.reports) > 1000:
                del self.reports[next(iter(self.reports))]
            return replace(told, request_id=number)  # type: ignore[no-any-return]
        return older.command(request, next(self._report_ids)) if newer else request

    async def _shared(self, link: Link, theirs: int | str) -> outbox.Shared | None:
        """The transaction that a back end names: by its own number (1.6), or by the station's id."""
        backend, station = link.backend.name, link.station
        if isinstance(theirs, int):
            return await self._database.read(lambda c: outbox.shared(c, backend, station, theirs=str(theirs)))
        return await self._database.read(lambda c: outbox.shared(c, backend, station, ours=theirs))

    # Charging profiles

    async def _set_profile(self, link: Link, station: OcppStation, request: Payload) -> bool:
        found = profiles.read(request)
        points = self._points(link.station)
        if found is None or self._desk() is None or not points:
            return False
        evse, profile = found
        if profile.purpose == "ChargingStationMaxProfile" and len(points) > 1:
            return False
        if evse and evse not in {point.evse for point in points}:
            return False
        if profile.purpose == "TxProfile":
            transaction = await self._transaction_of(link, station, evse, request, profile)
            if transaction is None:
                return False
            profile = replace(profile, transaction=transaction)
        backend, payload = link.backend.name, msgspec.json.encode(profile).decode()
        purpose, level, number = str(profile.purpose), profile.stack_level, profile.id
        await self._database.write(lambda c: outbox.keep_profile(c, backend, link.station, evse, purpose, level, number, payload))
        await self.reckon(link)
        return True

    async def _transaction_of(
        self, link: Link, station: OcppStation, evse: int, request: Payload, profile: ChargingProfile
    ) -> str | None:  # fmt: skip
        """The running transaction that a TxProfile is for, by our id (1.6 allows it to be left out)."""
        running = {transaction for transaction, at in station.running.items() if at == evse}
        if profile.transaction is not None:
            theirs = int(profile.transaction) if isinstance(request, v16.SetChargingProfileRequest) else profile.transaction
            shared = await self._shared(link, theirs)
            return shared.transaction if shared is not None else None
        return next(iter(running)) if len(running) == 1 else None

    async def _clear_profiles(self, link: Link, station: OcppStation, request: Payload) -> bool:
        standing = await self._profiles(link)
        gone = profiles.to_clear(request, standing)
        backend = link.backend.name
        if not gone:
            return False
        await self._database.write(lambda c: outbox.drop_profiles(c, backend, link.station, gone))
        await self.reckon(link)
        return True

    async def forget_transaction(self, link: Link, transaction: str) -> None:
        """It is over, and so are its profiles."""
        gone = [number for number, _, profile in await self._profiles(link) if profile.transaction == transaction]
        if gone:
            backend = link.backend.name
            await self._database.write(lambda c: outbox.drop_profiles(c, backend, link.station, gone))
        await self.reckon(link)

    async def reckon_all(self, links: Iterable[Link], ended: str | None = None) -> None:
        """Limits may hang on transactions, such as one that has ended. What fails here is no fault of the station's message, and is tried again
        later."""
        for link in links:
            try:
                await (self.reckon(link) if ended is None else self.forget_transaction(link, ended))
            except Exception:
                log.exception("limits of a back end not reckoned", backend=link.backend.name, station=link.station)

    async def _profiles(self, link: Link) -> list[tuple[int, int, ChargingProfile]]:
        backend = link.backend.name
        rows = await self._database.read(lambda c: outbox.profiles(c, backend, link.station))
        return [(number, evse, msgspec.json.decode(payload, type=ChargingProfile)) for number, evse, payload in rows]

    async def reckon(self, link: Link) -> None:
        """Write into the limit book what a back end's profiles mean from now on."""
        desk, by = self._desk(), link.backend.name
        if desk is None:
            return
        standing = await self._profiles(link)
        station = self._station(link.station)
        for point in self._points(link.station):
            name = profiles.limit_id(by, point.node)
            before = desk.limits_of(name)
            there = [(evse, profile) for _, evse, profile in standing if evse in (0, point.evse)]
            if not there and not before:
                continue
            named = next((profile.transaction for _, profile in there if profile.transaction is not None), None)
            running = next((t for t, at in (station.running if station else {}).items() if at == point.evse), None)
            transaction = named or running
            shared = None if transaction is None else await self._shared_ours(link, transaction)
            now = self._clock.now().replace(microsecond=0)
            entries = profiles.limits(
                by,
                point.node,
                point.evse,
                there,
                now,
                phases=point.phases,
                transaction=transaction,
                started_at=shared.started_at if shared is not None else None,
            )
            await _write(desk, name, by, entries, now)

    async def _shared_ours(self, link: Link, transaction: str) -> outbox.Shared | None:
        backend = link.backend.name
        return await self._database.read(lambda c: outbox.shared(c, backend, link.station, ours=transaction))


async def _write(desk: LimitDesk, name: str, by: str, entries: list[Limit], now: datetime) -> None:
    """Bring the book's entries of an id to these; what stands there already is left alone. New ones come before old ones go."""
    before = desk.limits_of(name)
    begun = [old for old in before if old.starts_at <= now]
    in_force = max(begun, key=lambda old: (old.counts_from, old.received_at), default=None)
    kept = {old.starts_at for old in before if any(old.starts_at == e.starts_at and old.bound == e.bound for e in entries)}
    if in_force is not None and entries and in_force.bound == entries[0].bound:
        kept.add(in_force.starts_at)
        entries = entries[1:]
    for entry in entries:
        if entry.starts_at not in kept:
            await desk.enter_limit(entry, by)
            kept.add(entry.starts_at)
    for old in desk.limits_of(name):
        if old.starts_at not in kept:
            await desk.withdraw_limit(name, by, old.starts_at)
