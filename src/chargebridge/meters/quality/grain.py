"""The step in which a meter shows a figure, learned from what it shows: telegrams do not tell it."""

from decimal import Decimal


class Grain:
    """The greatest power of ten, no greater than ``10**most``, of which all values so far are multiples. It only ever becomes finer."""

    def __init__(self, most: int) -> None:
        self._exponent = most

    def see(self, value: Decimal | float) -> None:
        if not value:
            return
        exponent = (value if isinstance(value, Decimal) else Decimal(repr(value))).normalize().as_tuple().exponent
        if isinstance(exponent, int):
            self._exponent = min(self._exponent, exponent)

    @property
    def step(self) -> float:
        return float(10.0**self._exponent)
