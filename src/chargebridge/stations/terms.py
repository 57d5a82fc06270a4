"""What holds for a transaction beside the power it gets: how far it may go, what it costs, how it is paid."""

from decimal import Decimal

from msgspec import Struct

from chargebridge.stations.events import Said


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a transaction may go (2.1 TransactionLimitType): cost in the site's currency, with tax; time from its start; soc in %."""

    cost: Decimal | None = None
    energy_wh: int | None = None
    time_s: int | None = None
    soc: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__struct_fields__)

    def only(self, words: frozenset[str]) -> "Limits":
        """Those of OCPP's words: maxCost, maxEnergy, maxTime, maxSoC."""
        return Limits(**{name: getattr(self, name) for name, word in WORDS.items() if word in words})

    def over(self, other: "Limits") -> "Limits":
        """These, and the other's where these say nothing."""
        mine = {name: getattr(self, name) for name in WORDS}
        return Limits(**{name: getattr(other, name) if value is None else value for name, value in mine.items()})

    def lowest(self, other: "Limits") -> "Limits":
        """The lower of each."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in WORDS}
        return Limits(**{name: min((v for v in pair if v is not None), default=None) for name, pair in pairs.items()})


WORDS = {"cost": "maxCost", "energy_wh": "maxEnergy", "time_s": "maxTime", "soc": "maxSoC"}
NO_LIMITS = Limits()
UNLIMITED = Limits(cost=Decimal(1_000_000), energy_wh=1_000_000_000, time_s=315_360_000, soc=100)
"""A limit cannot be taken back, only be set so high that it does not matter any more (2.1 E16.FR.17). time_s: ten years."""


class Terms(Struct, frozen=True, kw_only=True):
    """What the answer to an event of a transaction says. total: the cost so far, with tax; None: not known, which is not 0 (I03.FR.04).

    limits: to be set in the station now. message: for the driver (I06).
    """

    total: Decimal | None = None
    limits: Limits | None = None
    message: str | None = None


class VatCheck(Struct, frozen=True, kw_only=True):
    """company: AddressType of 2.1, of a number that is valid."""

    valid: bool
    company: Said | None = None
    reason: str = ""


class Receipt(Struct, frozen=True, kw_only=True):
    url: str
    id: str
