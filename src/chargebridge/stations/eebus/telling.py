"""What the site is told of a car's stay: its beginning, what it charges as, its energy, its end. All of it is in the store before, and told again
where the site could not keep it."""

from datetime import datetime

from msgspec.structs import replace

from chargebridge.model.session import PointStatus
from chargebridge.stations.eebus.memory import Memory, Stay
from chargebridge.stations.eebus.seen import Car
from chargebridge.stations.eebus.tokens import kind_of
from chargebridge.stations.port import EvseMeasurement, StationSink, TransactionEvent


class Telling:
    """Of one EVSE. stay: of the car that is there, or was."""

    def __init__(self, station: str, number: int, sink: StationSink, memory: Memory, stay: Stay | None) -> None:
        self.number = number
        self._station, self._sink, self._memory = station, sink, memory
        self._stay = stay

    @property
    def _stay_now(self) -> Stay:
        assert self._stay is not None
        return self._stay

    async def _tell_token(self, stay: Stay, car: Car, now: datetime) -> None:
        if stay.token is not None and stay.token != stay.shown and stay.ended is None:
            await self._tell_update(stay, now, token=stay.token, kind=kind_of(car.identification, stay.token))
            await self._keep(replace(self._stay_now, shown=stay.token))

    async def _tell_start(self, stay: Stay, car: Car | None) -> None:
        """Where a kill of ours came between, it is told again; the site knows by its key that it is the same."""
        if stay.started or stay.ended is not None:
            return
        event = TransactionEvent(
            station=self._station,
            evse=self.number,
            transaction=stay.transaction,
            occurred_at=stay.began_at,
            replay_key=f"{stay.transaction}/Started",
            sequence=0,
            token=stay.token,
            token_kind=kind_of(car.identification, stay.token) if car is not None and stay.token is not None else None,
            status=PointStatus.PREPARING,
            meter_wh=0,
        )
        await self._sink.transaction_started(event)
        await self._keep(replace(stay, started=True, shown=stay.token))

    async def _tell_update(
        self, stay: Stay, now: datetime, *, token: str | None = None, kind: str | None = None, sample: EvseMeasurement | None = None
    ) -> None:
        stay = replace(stay, number=stay.number + 1)
        await self._keep(stay)
        event = TransactionEvent(
            station=self._station,
            evse=self.number,
            transaction=stay.transaction,
            occurred_at=now,
            replay_key=f"{stay.transaction}/Updated/{stay.number}",
            sequence=stay.number,
            token=token,
            token_kind=kind,
            measurements=() if sample is None else (sample,),
            meter_wh=int(stay.register.total_wh),
        )
        await self._sink.transaction_updated(event)

    async def _end(self, stay: Stay, reason: str, at: datetime, *, gone: bool = False) -> None:
        stay = replace(stay, ended=reason, heard_at=at, number=stay.number + 1, gone=gone)
        await self._keep(stay)
        await self._tell_end(stay)

    async def _tell_end(self, stay: Stay) -> None:
        event = TransactionEvent(
            station=self._station,
            evse=self.number,
            transaction=stay.transaction,
            occurred_at=stay.heard_at,
            replay_key=f"{stay.transaction}/Ended",
            sequence=stay.number,
            meter_wh=int(stay.register.total_wh),
            reason=stay.ended,
        )
        await self._sink.transaction_ended(event)
        await self._keep(replace(stay, told=True))

    async def _keep(self, stay: Stay) -> None:
        await self._memory.keep(self.number, stay)
        self._stay = stay
