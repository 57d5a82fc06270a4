"""Which tariff a driver charges by, and how it is worded for stations (2.1 TariffType)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from chargebridge.model.tariff import Tariff
from chargebridge.site.money.config import TariffTable
from chargebridge.stations.events import Said


class Tariffs:
    """default: for who has none of his own; None: then nobody reckons a cost."""

    def __init__(self, tables: Iterable[TariffTable], currency: str, default: str | None) -> None:
        self._all = {table.id: table.tariff(currency) for table in tables}
        self.default = None if default is None else self._all[default]

    def __bool__(self) -> bool:
        return bool(self._all)

    def named(self, name: str | None) -> Tariff | None:
        return None if name is None else self._all.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._all)


def said(tariff: Tariff) -> Said:
    """TariffType. Its id changes with its content (I08.FR.08)."""
    taxes: dict[str, Any] = {"taxRates": [{"type": "VAT", "tax": float(tariff.tax)}]} if tariff.tax else {}
    parts: Said = {"tariffId": tariff.id, "currency": tariff.currency}
    for name, price, word in (
        ("energy", tariff.energy, "priceKwh"),
        ("chargingTime", tariff.charging, "priceMinute"),
        ("idleTime", tariff.idle, "priceMinute"),
        ("fixedFee", tariff.fixed, "priceFixed"),
    ):
        if price is not None:
            parts[name] = {"prices": [{word: float(price)}]} | taxes
    for name, bound in (("minCost", tariff.min_cost), ("maxCost", tariff.max_cost)):
        if bound is not None:
            parts[name] = {"exclTax": float(bound), "inclTax": float(bound * (1 + tariff.tax / Decimal(100)))} | taxes
    if tariff.text:
        parts["description"] = [{"format": "UTF8", "content": tariff.text}]
    return parts
