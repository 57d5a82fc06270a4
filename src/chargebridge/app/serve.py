"""One process that runs one property: store, meters, Central System, engine and pages in one event loop."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Sequence

import uvicorn
from msgspec import Struct

from chargebridge.app.eebus import EebusNode, open_eebus
from chargebridge.app.forwarding import attach, open_forwarder
from chargebridge.app.guards import Guards, StartError, secret_from
from chargebridge.app.web import Access, create_app
from chargebridge.app.web_server import CLOSING_S, WebServer, bound
from chargebridge.grid.port import no_sources
from chargebridge.market import PriceSource, WeatherSource, open_prices, open_weather
from chargebridge.meters.registry import open_meter
from chargebridge.model.clock import Clock, SteadyClock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.plants import open_battery
from chargebridge.site import keys, ledger
from chargebridge.site.config import PointTable, SiteConfig, StationTable
from chargebridge.site.operation import Office, station_file
from chargebridge.site.site import Site
from chargebridge.stations.joined import AllStations
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, StationSettings
from chargebridge.stations.ocpp.forward import Forwarder
from chargebridge.stations.port import Stations, StationSink
from chargebridge.store import Database, StoreError
from chargebridge.store.passwords import hash_password, matches

CALL_TIMEOUT_S = 10.0
"""A station that has not answered a limit by then is reckoned with as one that may or may not have taken it."""
SAMPLE_EVERY_S = 5
HEARTBEAT_MAX_S = 60
STRANGERS_EVERY_S = 2.0


class Running(Struct, frozen=True, kw_only=True):
    """A site that is up: and where it listens."""

    site: Site
    central: CentralSystem
    web_url: str
    ocpp_url: str
    api_token: str
    eebus: EebusNode | None = None


def station_settings(config: SiteConfig) -> list[StationSettings]:
    """What the Central System needs to know of each configured station. Stations that share a variable share its hash: each one costs a while."""
    settings = []
    hashes: dict[str, str] = {}
    for station in config.station:
        if station.eebus is not None:
            continue
        stored = station.password_hash
        if stored is None and station.password_env is not None:
            if station.password_env not in hashes:
                hashes[station.password_env] = hash_password(secret_from(station.password_env, f"station {station.id}"))
            stored = hashes[station.password_env]
        settings.append(settings_of(station, [p for p in config.point if p.station == station.id], stored))
    return settings


def settings_of(station: StationTable, points: Sequence[PointTable], password_hash: str | None) -> StationSettings:
    """One station as the Central System takes it."""
    of = {p.evse: p for p in points}
    evses = (
        EvseSettings(phases=len(of[n].phases), discharges=of[n].discharge_max_w > 0) if n in of else EvseSettings()
        for n in range(1, max(of, default=1) + 1)
    )
    return StationSettings(
        identity=station.id,
        password_hash=password_hash,
        security_profile=0 if station.open else station.security_profile or 1,
        evses=tuple(evses),
        fallback_setting=station.fallback_setting,
        rate_unit=station.rate_unit,
        sample_interval_s=SAMPLE_EVERY_S,
        local_list=station.local_list,
        tolerance=station.tolerance,
    )


async def owner_access(config: SiteConfig, database: Database, password: str | None) -> Access:
    """How the owner gets in: the configured password, or ``password`` where none is configured; logins and token outlive a restart."""
    secret = await database.write(lambda c: ledger.keep_setting(c, "session_secret", secrets.token_urlsafe(32)))
    token = await database.write(keys.api_token)
    secure = (config.web.public_url or "").startswith("https://")
    if config.web.password_hash is not None:
        return Access(password_hash=config.web.password_hash, session_secret=secret, api_token=token, secure_cookie=secure)
    if config.web.password_env is not None:
        return Access(
            password_hash=await _kept_hash(config.web.password_env, database), session_secret=secret, api_token=token, secure_cookie=secure
        )
    assert password is not None
    return Access(password_hash=hash_password(password), session_secret=secret, api_token=token, secure_cookie=secure)


async def _kept_hash(variable: str, database: Database) -> str:
    """The hash of the password in the environment: the one of the last start while the password is the same, as logins hang on it."""
    password = secret_from(variable, "web")
    kept = await database.read(lambda c: ledger.setting_of(c, "owner_password_hash"))
    if kept is not None and matches(password.encode(), kept):
        return kept
    made = hash_password(password)
    await database.write(lambda c: ledger.set_setting(c, "owner_password_hash", made))
    return made


def prices_of(config: SiteConfig, clock: Clock) -> PriceSource | None:
    """Who tells the exchange's prices. Raises StartError when its token is not in the environment."""
    price = config.price
    if price.source is None:
        return None
    token = "" if price.token_env is None else secret_from(price.token_env, "price")
    return open_prices(price.source, clock, url=price.url, zone=price.zone, token=token)


def weather_of(config: SiteConfig, clock: Clock) -> WeatherSource | None:
    """Who tells the weather."""
    table = config.weather
    place = None
    if table.source is not None and table.latitude is not None and table.longitude is not None:
        place = (table.latitude, table.longitude)
    return open_weather(clock, file=table.file, place=place, url=table.url)


def heartbeat_s(config: SiteConfig) -> int:
    """So often that one lost heartbeat makes no station count as lost."""
    ages = [p.station_max_age_s for p in config.point]
    return max(1, min(HEARTBEAT_MAX_S, int(min(ages) / 3))) if ages else HEARTBEAT_MAX_S


async def serve(
    config: SiteConfig,
    clock: SteadyClock,
    *,
    password: str | None = None,
    demo: bool = False,
    beside: Callable[[Running], Coroutine[None, None, None]] | None = None,
    ready: Callable[[Running], None] | None = None,
) -> None:
    """Run until SIGINT or SIGTERM. ``beside`` runs along with it (the demo's world). Raises ChargebridgeError where it cannot begin or go on."""
    guards = Guards.of(config)
    database = Database.open(config.site.store)
    try:
        config = station_file.joined(config, await database.read(station_file.kept))
        await _serve(config, clock, database, guards, password=password, demo=demo, beside=beside, ready=ready)
    except BaseExceptionGroup as several:
        raise _first(several) from several
    finally:
        database.close()


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of what went wrong, where all of it is ours to tell in words; else all of it."""
    found: BaseException = several
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    _, others = several.split(ChargebridgeError)
    return found if others is None else several


async def _serve(
    config: SiteConfig,
    clock: SteadyClock,
    database: Database,
    guards: Guards,
    *,
    password: str | None,
    demo: bool,
    beside: Callable[[Running], Coroutine[None, None, None]] | None,
    ready: Callable[[Running], None] | None,
) -> None:
    stations = station_settings(config)
    meters = [open_meter(m.url, m.id, clock) for m in config.meter]
    fixed = {battery.id: battery for battery in config.topology().batteries}
    batteries = [open_battery(fixed[b.id], b.control, clock) for b in config.battery if b.control is not None]
    access = await owner_access(config, database, password)
    settings = guards.settings(config.ocpp, call_timeout_s=CALL_TIMEOUT_S, heartbeat_s=heartbeat_s(config))
    security = guards.security(config.ocpp, clock, database)

    forwarder = open_forwarder(config, database, clock, secret_from)

    eebus = open_eebus(config, clock)
    if eebus is not None:
        batteries += eebus.make_batteries()
        meters += eebus.make_inverters()
    centrals: list[CentralSystem] = []

    def make(sink: StationSink) -> Stations:
        centrals.append(CentralSystem(settings, stations, forwarder.sink(sink), clock, security))
        wallboxes = None if eebus is None else eebus.make_wallboxes(sink, database)
        return centrals[0] if wallboxes is None else AllStations(centrals[0], wallboxes)

    prices, weather = prices_of(config, clock), weather_of(config, clock)
    site = await Site.open(
        config,
        clock,
        database,
        make,
        meters,
        batteries,
        () if eebus is None else eebus.make_loads(),
        demo=demo,
        prices=prices,
        weather=weather,
        make_grid=no_sources if eebus is None else eebus.make_grid,
    )
    if eebus is not None:
        eebus.serve(site)
    (central,) = centrals
    attach(forwarder, config, central, site.service)
    site.service.forwards(lambda: forwarder.states)
    security.tell = lambda station, text: site.tell("station", text, station)

    def admit(station: StationTable, points: tuple[PointTable, ...]) -> None:
        central.admit(settings_of(station, points, station.password_hash))

    wallboxes = None if eebus is None else eebus.wallboxes
    office = await Office.open(config, site.live, central, database, clock, tell=site.tell, admit=admit, wallboxes=wallboxes)
    site.service.operate_by(office)
    await _listen(config, site, central, office, forwarder, access, beside, ready, clock, eebus)


async def _listen(
    config: SiteConfig,
    site: Site,
    central: CentralSystem,
    office: Office,
    forwarder: Forwarder,
    access: Access,
    beside: Callable[[Running], Coroutine[None, None, None]] | None,
    ready: Callable[[Running], None] | None,
    clock: Clock,
    eebus: EebusNode | None,
) -> None:
    with bound(config.web.host, config.web.port) as listener:
        try:
            await central.start()
        except OSError as error:
            raise StartError(
                "ocpp", f"port {config.ocpp.port} cannot be opened ({error})", "stop what uses it or give another port"
            ) from error
        try:
            running = Running(
                site=site,
                central=central,
                web_url=config.web.public_url or f"http://{config.web.host}:{listener.getsockname()[1]}",
                api_token=access.api_token or "",
                eebus=eebus,
                ocpp_url=f"{'wss' if config.ocpp.certificate else 'ws'}://{config.ocpp.host}:{central.port}/ocpp/",
            )
            server = WebServer(
                uvicorn.Config(
                    create_app(site.service, access, config.web.public_url),
                    log_level="warning",
                    access_log=False,
                    timeout_graceful_shutdown=CLOSING_S,
                )
            )
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(site.run(), name="site"),
                    group.create_task(forwarder.run(), name="forwarding"),
                    group.create_task(office.run(), name="office"),
                    group.create_task(_tell_strangers(central, site, clock), name="strangers"),
                ]
                if eebus is not None:
                    tasks.append(group.create_task(eebus.run(), name="eebus"))
                    await eebus.hub.opened()  # if it cannot listen, the group ends this wait
                if beside is not None:
                    tasks.append(group.create_task(beside(running), name="beside"))
                if ready is not None:
                    ready(running)
                await server.serve(sockets=[listener])
                for task in tasks:
                    task.cancel()
        finally:
            await central.stop()
            with contextlib.suppress(StoreError):
                await office.log.flush()


async def _tell_strangers(central: CentralSystem, site: Site, clock: Clock) -> None:
    """Whoever knocks and is not let in is told to the owner, once for each name and reason: it may be the station he is just connecting."""
    known: set[tuple[str, str]] = set()
    while True:
        for key, stranger in list(central.strangers.items()):
            if key not in known:
                known.add(key)
                site.tell("station", f"{stranger.identity!r} from {stranger.remote} was turned away: {stranger.why}", stranger.identity)
        await clock.sleep(STRANGERS_EVERY_S)
