"""What we are told of a foreign back end."""

import ssl
from typing import Literal

from msgspec import Struct

from chargebridge.stations.sharing import Asked, May, Tell


class BackendSettings(Struct, frozen=True, kw_only=True):
    """A foreign back end, and the rules.

    url: without the identity, which is put at its end. identities: ours -> the name that the station has there, where it differs.
    protocol: the OCPP version spoken there; None takes the station's own. password: of HTTP basic authentication, None for none.
    tls: station -> its context for wss://, with its certificate where it has one there; none takes the machine's authorities.
    authorise: whether it is asked about cards: never, when our list does not accept one, or before our list. Whoever accepts a card bills.
    tell: what it hears: status; transactions (those that it bills) or all_transactions; meter_values outside of transactions;
    events (security, firmware, logs, monitors); data (DataTransfer, whose answer it gives).
    may: what it may ask of the station, by the groups of `rules`. timeout_s: for its answers.
    """

    name: str
    url: str
    stations: tuple[str, ...]
    identities: dict[str, str] = {}
    protocol: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] | None = None
    password: str | None = None
    tls: dict[str, ssl.SSLContext] = {}
    authorise: Asked = "us_first"
    tell: frozenset[Tell] = frozenset({"status", "transactions"})
    may: frozenset[May] = frozenset({"start_stop", "limit"})
    timeout_s: float = 20.0

    def identity(self, station: str) -> str:
        return self.identities.get(station, station)
