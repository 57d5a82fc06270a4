"""What charging costs a driver: a tariff of single prices without conditions, and the running cost by it.

The dimensions are those of OCPP 2.1 (TariffType, CostDetailsType) and OCPI. Money is Decimal in the tariff's currency; prices exclude tax.
"""

import hashlib
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import msgspec
from msgspec import Struct

CENT = Decimal("0.01")
KWH, MINUTE, PERCENT = Decimal(1000), Decimal(60), Decimal(100)


class Tariff(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """energy: a kWh; charging, idle: a minute in which the car charges, or does not; fixed: a transaction. None: nothing is asked for it.

    tax: percent on all of it. min_cost, max_cost: of a transaction, without tax. text: what drivers are told of it.
    """

    name: str
    currency: str
    energy: Decimal | None = None
    charging: Decimal | None = None
    idle: Decimal | None = None
    fixed: Decimal | None = None
    tax: Decimal = Decimal(0)
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    text: str = ""

    @property
    def id(self) -> str:
        """Another one as soon as anything in it changes, so that old costs keep their tariff (2.1 I08.FR.08); 60 characters at most."""
        return f"{self.name[:40]}-{hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]}"


class Usage(Struct, frozen=True, kw_only=True):
    """Of a transaction so far. energy_wh by the station's register."""

    energy_wh: int = 0
    charging_s: float = 0.0
    idle_s: float = 0.0


class Cost(Struct, frozen=True, kw_only=True):
    """Parts and total without tax; total_with_tax in whole cents. kind: as 2.1's TariffCostEnum."""

    energy: Decimal
    charging: Decimal
    idle: Decimal
    fixed: Decimal
    total: Decimal
    total_with_tax: Decimal
    kind: Literal["NormalCost", "MinCost", "MaxCost"] = "NormalCost"


def cost(tariff: Tariff, usage: Usage, *, ended: bool = False) -> Cost:
    """What a transaction costs so far. The minimum counts once it has ended, the maximum always (2.1 I12.FR.38, I12.FR.39)."""
    energy = (tariff.energy or 0) * Decimal(usage.energy_wh) / KWH
    charging = (tariff.charging or 0) * Decimal(repr(usage.charging_s)) / MINUTE
    idle = (tariff.idle or 0) * Decimal(repr(usage.idle_s)) / MINUTE
    fixed = tariff.fixed or Decimal(0)
    total = energy + charging + idle + fixed
    kind: Literal["NormalCost", "MinCost", "MaxCost"] = "NormalCost"
    if ended and tariff.min_cost is not None and total < tariff.min_cost:
        total, kind = tariff.min_cost, "MinCost"
    elif tariff.max_cost is not None and total >= tariff.max_cost:
        total, kind = tariff.max_cost, "MaxCost"
    taxed = total * (1 + tariff.tax / PERCENT)
    return Cost(
        energy=energy, charging=charging, idle=idle, fixed=fixed, total=total, total_with_tax=taxed.quantize(CENT, ROUND_HALF_UP), kind=kind
    )
