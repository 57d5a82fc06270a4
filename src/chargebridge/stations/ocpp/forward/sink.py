"""What the Central System reports to instead of the site: the site's own sink, with back ends asked about cards."""

from typing import TYPE_CHECKING, Any

from chargebridge.stations.port import Authorisation, StartAnswer, StationSink, TransactionEvent

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.forward.forwarder import Forwarder


class ForwardingSink:
    """`inner`, with back ends asked about cards. All else goes straight through."""

    def __init__(self, inner: StationSink, forwarder: "Forwarder") -> None:
        self._inner = inner
        self._forwarder = forwarder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def station_connected(self, station: str, protocol: str) -> None:
        await self._inner.station_connected(station, protocol)
        await self._forwarder.arrived(station, protocol)

    async def station_lost(self, station: str) -> None:
        self._forwarder.left(station)
        await self._inner.station_lost(station)

    async def authorise(self, station: str, token: str) -> Authorisation:
        return await self._forwarder.authorise(station, token, lambda: self._inner.authorise(station, token))

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        return await self._inner.transaction_started(await self._claimed(event))

    async def transaction_updated(self, event: TransactionEvent) -> None:
        await self._inner.transaction_updated(await self._claimed(event))

    async def _claimed(self, event: TransactionEvent) -> TransactionEvent:
        return await self._forwarder.claimed(event, lambda: self._inner.authorise(event.station, event.token or ""))
