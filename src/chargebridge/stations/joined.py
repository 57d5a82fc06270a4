"""The stations of several adapters as one: whoever knows a station by its identity answers for it."""

from chargebridge.stations.port import Station, Stations


class AllStations:
    """Implements ``Stations``."""

    def __init__(self, *adapters: Stations) -> None:
        self._adapters = adapters

    def station(self, identity: str) -> Station | None:
        return next((found for one in self._adapters if (found := one.station(identity)) is not None), None)
