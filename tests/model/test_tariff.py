"""The running cost: each dimension, tax, and what the least and the most are that a transaction costs."""

from decimal import Decimal

import pytest

from chargebridge.model.tariff import Tariff, Usage, cost

ALL = Tariff(
    name="t", currency="EUR", energy=Decimal("0.40"), charging=Decimal("0.02"), idle=Decimal("0.10"), fixed=Decimal(1), tax=Decimal(19)
)


def test_each_dimension_counts() -> None:
    made = cost(ALL, Usage(energy_wh=12_345, charging_s=1800.0, idle_s=90.0))
    assert (made.energy, made.charging, made.idle, made.fixed) == (Decimal("4.938"), Decimal("0.6"), Decimal("0.15"), Decimal(1))
    assert (made.total, made.total_with_tax, made.kind) == (Decimal("6.688"), Decimal("7.96"), "NormalCost")


@pytest.mark.parametrize(
    ("energy_wh", "ended", "total", "kind"),
    [
        (1000, False, "0.40", "NormalCost"),
        (1000, True, "2", "MinCost"),
        (20_000, False, "8.0", "NormalCost"),
        (90_000, False, "10", "MaxCost"),
    ],
)
def test_the_least_and_the_most(energy_wh: int, ended: bool, total: str, kind: str) -> None:
    tariff = Tariff(name="t", currency="EUR", energy=Decimal("0.40"), min_cost=Decimal(2), max_cost=Decimal(10))
    made = cost(tariff, Usage(energy_wh=energy_wh), ended=ended)
    assert (made.total, made.kind) == (Decimal(total), kind)


def test_a_tariff_without_prices_is_free() -> None:
    assert cost(Tariff(name="free", currency="EUR"), Usage(energy_wh=50_000, idle_s=9e4), ended=True).total_with_tax == Decimal("0.00")
