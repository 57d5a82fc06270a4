"""Foreign back ends from the site's file to connections that run."""

import ssl
from collections.abc import Callable

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.config import BackendTable, SiteConfig
from chargebridge.stations.ocpp import CentralSystem
from chargebridge.stations.ocpp.forward import BackendSettings, Forwarder, LimitDesk, Point
from chargebridge.store import Database


class BackendError(ChargebridgeError):
    """A back end cannot be connected to as it is configured."""


def open_forwarder(config: SiteConfig, database: Database, clock: Clock, secret: Callable[[str, str], str]) -> Forwarder:
    """secret: the value of an environment variable, and for whom. Raises what that raises, and BackendError."""
    return Forwarder([_settings(table, secret) for table in config.backend], database, clock)


def attach(forwarder: Forwarder, config: SiteConfig, central: CentralSystem, desk: LimitDesk) -> None:
    points = [(point.station, Point(point.evse, point.id, len(point.phases))) for point in config.point]
    forwarder.attach(central, points, desk)


def _settings(table: BackendTable, secret: Callable[[str, str], str]) -> BackendSettings:
    where = f"backend {table.id}"
    return BackendSettings(
        name=table.id,
        url=table.url,
        stations=table.stations,
        identities=table.identities or {},
        protocol=table.protocol,
        password=None if table.password_env is None else secret(table.password_env, where),
        tls={station: _tls(table, station, where) for station in table.stations} if table.url.startswith("wss:") else {},
        authorise=table.authorise,
        tell=frozenset(table.tell),
        may=frozenset(table.may),
        timeout_s=table.timeout_s,
    )


def _tls(table: BackendTable, station: str, where: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, the back end's certificate checked; the station's own shown where it asks for one (security profiles 2 and 3)."""
    identity = (table.identities or {}).get(station, station)
    try:
        context = ssl.create_default_context(cafile=None if table.ca is None else str(table.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if table.certificate is not None and table.key is not None:
            certificate, key = (str(path).replace("{station}", identity) for path in (table.certificate, table.key))
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BackendError(
            where, f"its certificates cannot be used ({error})", "give PEM files; certificate and key that belong together"
        ) from error
    return context
