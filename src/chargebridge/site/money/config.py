"""What the owner writes of money: ``[[tariff]]`` and ``[payment]``. docs/configuration.md tells it at length."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chargebridge.model.tariff import Tariff

Price = Annotated[Decimal, Field(ge=0, le=10_000, max_digits=12, decimal_places=6)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$", max_length=500)]


class TariffTable(BaseModel):
    """Prices without tax in the site's currency. energy: a kWh; charging, idle: a minute; fixed: a transaction. tax: percent; text: for drivers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
    energy: Price | None = None
    charging: Price | None = None
    idle: Price | None = None
    fixed: Price | None = None
    tax: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(0)
    min_cost: Price | None = None
    max_cost: Price | None = None
    text: Annotated[str, Field(max_length=512)] = ""

    def tariff(self, currency: str) -> Tariff:
        values = self.model_dump(exclude={"id"})
        return Tariff(name=self.id, currency=currency, **values)


class PaymentTable(BaseModel):
    """provider_url: the payment service provider's interface (docs/operating.md, Payments); provider_token_env: the environment variable with our
    key there. terminals: cards at a station's own payment terminal may charge. vat_url: where VAT numbers are checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider_url: HttpUrl | None = None
    provider_token_env: str | None = None
    terminals: bool = False
    vat_url: HttpUrl | None = None
