"""A simulated property's battery as what stands behind the registers."""

from collections.abc import Callable

from chargebridge.model.circuit import Battery
from chargebridge.sim.world.storage import Storage


class StorageSide:
    """Implements ``BatterySide``. t_s: the world's time in seconds, such as ``lambda: world.t_s``."""

    def __init__(self, storage: Storage, t_s: Callable[[], float]) -> None:
        self._storage = storage
        self._t_s = t_s

    @property
    def battery(self) -> Battery:
        return self._storage.battery

    @property
    def power_w(self) -> float:
        return self._storage.flow.power_w

    @property
    def stored_wh(self) -> float:
        return self._storage.stored_wh

    def set_power(self, power_w: float, revert_s: float) -> None:
        self._storage.set_power(power_w, self._t_s(), revert_s)
