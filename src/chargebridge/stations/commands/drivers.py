"""Commands about who charges, and what drivers see: cards, reservations, availability, displays, tariffs."""

from datetime import datetime

from chargebridge.stations.commands.command import Command
from chargebridge.stations.events import Said
from chargebridge.stations.port import Token

# Authorisation


class ClearCache(Command, frozen=True, kw_only=True):
    pass


class GetLocalListVersion(Command, frozen=True, kw_only=True):
    pass


class SendLocalList(Command, frozen=True, kw_only=True):
    """full: the list as a whole; else what changes, `gone` being taken out. version: greater than the station's."""

    version: int
    tokens: tuple[Token, ...] = ()
    full: bool = True
    gone: tuple[Token, ...] = ()


# Reservation


class ReserveNow(Command, frozen=True, kw_only=True):
    """evse 0: any."""

    reservation: int
    token: Token
    expires_at: datetime
    evse: int = 0
    connector_type: str | None = None


class CancelReservation(Command, frozen=True, kw_only=True):
    reservation: int


# Availability and remote control


class RemoteStart(Command, frozen=True, kw_only=True):
    """request: its id, which a 2.x station names again when the transaction begins. evse None: whichever the station chooses."""

    request: int
    token: Token
    evse: int | None = None


class RemoteStop(Command, frozen=True, kw_only=True):
    transaction: str


class ChangeAvailability(Command, frozen=True, kw_only=True):
    """evse 0: the whole station."""

    operative: bool
    evse: int = 0
    connector: int | None = None


class UnlockConnector(Command, frozen=True, kw_only=True):
    evse: int
    connector: int = 1


class GetTransactionStatus(Command, frozen=True, kw_only=True):
    transaction: str | None = None


# Display


class SetDisplayMessage(Command, frozen=True, kw_only=True):
    """message: MessageInfoType."""

    message: Said


class GetDisplayMessages(Command, frozen=True, kw_only=True):
    request: int
    ids: tuple[int, ...] = ()
    priority: str | None = None
    state: str | None = None


class ClearDisplayMessage(Command, frozen=True, kw_only=True):
    id: int


# Tariff and cost


class CostUpdated(Command, frozen=True, kw_only=True):
    transaction: str
    total: float


class SetDefaultTariff(Command, frozen=True, kw_only=True):
    """tariff: TariffType. evse 0: all of them."""

    tariff: Said
    evse: int = 0


class GetTariffs(Command, frozen=True, kw_only=True):
    evse: int = 0


class ClearTariffs(Command, frozen=True, kw_only=True):
    """None named: all."""

    tariffs: tuple[str, ...] = ()
    evse: int | None = None


class ChangeTransactionTariff(Command, frozen=True, kw_only=True):
    transaction: str
    tariff: Said


# Battery swap


class RequestBatterySwap(Command, frozen=True, kw_only=True):
    request: int
    token: Token
