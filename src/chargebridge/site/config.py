"""What the owner writes, table by table: one TOML file a site. docs/configuration.md tells it at length."""

from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from chargebridge.model.circuit import GUARANTEED_W, Battery, ChargingPoint, Circuit, Generator, Group, Load, Topology
from chargebridge.model.phases import Phase
from chargebridge.site.config_eebus import EebusTable, FailsafeSpan, Ski
from chargebridge.site.money.config import PaymentTable, TariffTable
from chargebridge.stations.sharing import Asked, May, Tell
from chargebridge.wire.signed.record import SignedFormat


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _three(value: Any) -> Any:
    return [value] * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$")]
Amps = Annotated[float, Field(ge=0, le=10_000)]
Watts = Annotated[float, Field(ge=0, le=1e9)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Three = tuple[Amps, Amps, Amps]


class SiteTable(_Table):
    """tariff: for who has none of his own. open_to_all: any card may charge. holidays: local days that go like Sundays.

    peak_budget_w: highest mean power over a quarter hour. keep_days: of readings and decisions."""

    name: str
    timezone: str = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    store: Path = Path("data/site.db")
    keep_days: Annotated[float, Field(gt=0)] = 7.0
    open_to_all: bool = False
    price_per_kwh: float | None = None
    tariff: str | None = None
    peak_budget_w: Watts | None = None
    holidays: tuple[date, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is no time zone; write it like Europe/Berlin") from error
        return value


class MeterTable(_Table):
    """url: serial:///dev/ttyUSB0?baud=115200, tcp://host:port, file:///path?speed=1; docs/meters.md has the settings after the ``?``."""

    id: Name
    url: str


class _PerPhaseTable(_Table):
    @field_validator("fuse_a", "lost_meter_load_a", mode="before", check_fields=False)
    @classmethod
    def _spread(cls, value: Any, info: ValidationInfo) -> Any:
        return _three(value)


class CircuitTable(_PerPhaseTable):
    id: Name
    name: str
    fuse_a: Three
    parent: Name | None = None
    power_limit_w: Watts | None = None
    unbalance_a: Amps | None = None
    meter: Name | None = None
    meter_max_age_s: Seconds = 15.0
    lost_meter_load_a: Three = (0.0, 0.0, 0.0)


def _rotation(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) != len(value):
        raise ValueError("names a phase twice; write each of 1, 2, 3 at most once")
    return value


Rotation = Annotated[tuple[Phase, ...], Field(min_length=1, max_length=3), AfterValidator(_rotation)]


EvseId = Annotated[str, Field(pattern=r"^[A-Za-z]{2}\*?[A-Za-z0-9]{3}\*?[Ee][A-Za-z0-9*]{1,30}$")]
"""ISO 15118-2 annex H: country, operator, E, the rest; ``DE*ABC*E1``."""


class PointTable(_Table):
    """calibrated: it stands under calibration law: only what its meter has signed is billed (docs/calibration.md), under the name evse_id.

    public_key: of that meter; it is put into the register at the start. Without one it is entered there by ``chargebridge registry``.
    signing_meter: the meter's serial, as its records name it. signing_format: of its records, by OCPI's name.
    """

    id: Name
    name: str
    circuit: Name
    station: Name
    evse: Annotated[int, Field(ge=1, le=64)] = 1
    phases: Rotation = (1, 2, 3)
    maximum_a: Annotated[float, Field(ge=6, le=2000)] = 32.0
    minimum_a: Annotated[float, Field(ge=6, le=80)] = 6.0
    fallback_a: Amps = 0.0
    can_switch_phases: bool = False
    discharge_max_w: Watts = 0.0
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    station_max_age_s: Seconds = 60.0
    current: Literal["AC", "DC"] = "AC"
    calibrated: bool = False
    evse_id: EvseId | None = None
    public_key: Annotated[str, Field(max_length=4096)] | None = None
    signing_meter: Annotated[str, Field(max_length=64)] = ""
    signing_format: SignedFormat = SignedFormat.OCMF


REFUSE = "refuse"
"""Of ``unknown_cars``: none charges that does not say who it is."""


class StationTable(_Table):
    """password_hash: as ``chargebridge password`` prints it, or ``password_env``: the environment variable that holds the password itself.

    Neither: the station gets in without one, which is refused unless ``open = true`` says that it is meant (OCPP security profile 0).
    security_profile: 1 a password, 2 password and TLS, 3 a client certificate; what comes by less is not let in.
    rate_unit: what its charging profiles are counted in. fallback_setting: where this make keeps the current that it falls back to, a
    configuration key (1.6) or "Component.Variable" (2.0.1), besides the standing default profile that is always written.
    local_list: the tokens are written into the station, so that they charge while it is offline.
    tolerance: the profile of its make's known deviations from OCPP; none holds it to the standard.

    eebus: the SKI of a wallbox that speaks EEBUS instead; of the above nothing then means anything. unknown_cars: what a car charges as that does not
    identify itself, or by what no [[token]] names: a token's id, or "refuse". safe_current_a: what its installer has set for when it hears nothing.
    """

    id: Name
    eebus: Ski | None = None
    unknown_cars: Annotated[str, Field(min_length=1, max_length=36)] | None = None
    safe_current_a: Amps | None = None
    password_hash: str | None = None
    password_env: str | None = None
    open: bool = False
    security_profile: Literal[1, 2, 3] | None = None
    rate_unit: Literal["A", "W"] = "A"
    fallback_setting: str | None = None
    local_list: bool = False
    tolerance: str | None = None


class BatteryTable(_Table):
    """control: where it takes set points; eebus: the SKI of one that only tells what it draws (MPC). One of them, or none."""

    id: Name
    name: str
    circuit: Name
    charge_max_w: Watts
    discharge_max_w: Watts
    capacity_wh: Annotated[float, Field(gt=0)]
    reserve_wh: Annotated[float, Field(ge=0)] = 0.0
    meter: Name | None = None
    control: Annotated[str, Field(pattern=r"^modbus\+tcp://")] | None = None
    eebus: Ski | None = None
    phases: Rotation = (1, 2, 3)


class GeneratorTable(_Table):
    """meter: its own; eebus: instead, the SKI of an inverter that tells what it gives (MPC)."""

    id: Name
    name: str
    circuit: Name
    peak_w: Watts = 0.0
    meter: Name | None = None
    eebus: Ski | None = None
    phases: Rotation = (1, 2, 3)

    @property
    def generator(self) -> Generator:
        """In the model's words. An inverter's own word comes as the readings of a meter."""
        given = {key: value for key, value in self if key != "eebus"}
        return Generator(**given if self.eebus is None else given | {"meter": inverter_meter(self.id)})


def inverter_meter(generator: str) -> str:
    """The name under which readings of a generator's inverter come; with a blank, so that no configured meter can have it."""
    return f"inverter {generator}"


class LoadTable(_Table):
    """A load that draws what it likes and can be limited: a heat pump, an air conditioner. eebus: its SKI.

    nominal_w: the most that it draws. minimum_w: what an order leaves it, as far as that is enough for all. failsafe_w, failsafe_s: what it is
    told to keep to without us, and how long at least; none of failsafe_w is minimum_w. meter: its own, where it does not tell what it draws.
    """

    id: Name
    name: str
    circuit: Name
    eebus: Ski
    nominal_w: Annotated[float, Field(gt=0, le=1e6)]
    minimum_w: Watts = GUARANTEED_W
    failsafe_w: Watts | None = None
    failsafe_s: FailsafeSpan = 7_200.0
    meter: Name | None = None
    phases: Rotation = (1, 2, 3)
    priority: Annotated[int, Field(ge=-100, le=100)] = 0

    @property
    def load(self) -> Load:
        """In the model's words."""
        given = {key: value for key, value in self if key != "eebus" and value is not None}
        return Load(**{"failsafe_w": self.minimum_w} | given)


class GroupTable(_Table):
    id: Name
    name: str
    members: tuple[Name, ...]


class TokenTable(_Table):
    """A driver's card or app token. group: tokens of one group end each other's transactions (OCPP groupIdToken, 1.6 parentIdTag).

    points: where it may charge, none given: everywhere; current: only where it is "AC", or "DC". tariff: the driver's own. prepaid: it charges
    while its account has something left.
    """

    id: Annotated[str, Field(min_length=1, max_length=36)]
    name: str = ""
    blocked: bool = False
    kind: Literal["ISO14443", "ISO15693", "eMAID", "KeyCode", "Local", "Central", "MacAddress", "VIN", "EVCCID"] = "ISO14443"
    group: Annotated[str, Field(min_length=1, max_length=36)] | None = None
    expires_at: AwareDatetime | None = None
    points: tuple[Name, ...] | None = None
    current: Literal["AC", "DC"] | None = None
    tariff: str | None = None
    prepaid: bool = False


class BackendTable(_Table):
    """A foreign back end that stations are connected to through us. url: without the identity. identities: where it knows a station by another name.

    protocol: the OCPP version spoken there; none takes the station's own. password_env: the environment variable with the password that the
    back end knows the stations by. ca: PEM file of the authority of its certificate; certificate and key: the station's, where it asks for one;
    `{station}` in them is its name there.
    authorise: whether it is asked about cards. tell, may: what it hears, and may ask of stations. timeout_s: for its answers.
    """

    id: Name
    url: Annotated[str, Field(pattern=r"^wss?://[^/?#]+(/[^?#]*)?$")]
    stations: Annotated[tuple[Name, ...], Field(min_length=1)]
    identities: dict[Name, Annotated[str, Field(min_length=1, max_length=48)]] | None = None
    protocol: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] | None = None
    password_env: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    authorise: Asked = "us_first"
    tell: tuple[Tell, ...] = ("status", "transactions")
    may: tuple[May, ...] = ("start_stop", "limit")
    timeout_s: Seconds = 20.0


class ListenTable(_Table):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)]


class WebTable(ListenTable):
    """password_hash as ``chargebridge password`` prints it, or password_env; neither: one is made and printed at the start.

    public_url: where people reach the pages from outside, such as https://charge.example behind a TLS proxy; drivers' links begin with it.
    """

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    password_hash: str | None = None
    password_env: str | None = None
    public_url: Annotated[str, Field(pattern=r"^https?://[^/]+$")] | None = None


class OcppTable(ListenTable):
    """certificate and key: PEM files; both given, the port speaks TLS (security profile 2). rsa_certificate, rsa_key: a second pair beside one
    of ECDSA, for stations that know only the one or the other. plain_host, plain_port: a second port without TLS.

    behind_proxy: what comes without our TLS has come through a proxy with TLS, which names the address in X-Forwarded-For.
    url: where stations come by TLS, told to them in network profiles, such as wss://charge.example:8887/ocpp.
    ca: folder of our CA (``chargebridge ca create``); ca_passphrase_env: the environment variable with its passphrase. client_ca: PEM file of
    another CA whose stations' certificates count too, client_crl: its list of revoked ones, operator: the O that they have to name.
    client_lookup: whether those that name an OCSP responder or a list are also looked up there; who cannot be is not let in.
    contract_roots: PEM files of e-mobility roots whose contracts (ISO 15118) may charge; contract_lookup: whether it is asked that no certificate of
    theirs is revoked. vehicle_roots: PEM files by which answers about vehicles' certificates are proven. revocation_hosts: the only hosts that
    are asked, also those of one's own network; else any that is public. contract_service: URL of a contract certificate pool,
    contract_service_token_env: the environment variable with what it wants to be shown.
    quarantine: unknown stations are refused once they are listed, or listened to ("listen").
    connections_per_s, address_connections_per_s, address_connections: new ones of all, of one address, and open at once from one; 0: no bound.
    log_days, log_megabytes: how much of the stations' messages is kept; whichever is reached first. 0 days: none.
    """

    port: Annotated[int, Field(ge=0, le=65535)] = 8887
    certificate: Path | None = None
    key: Path | None = None
    rsa_certificate: Path | None = None
    rsa_key: Path | None = None
    plain_host: str = "127.0.0.1"
    plain_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    behind_proxy: bool = False
    url: Annotated[str, Field(pattern=r"^wss?://[^/]+(/.*[^/])?$", max_length=460)] | None = None
    ca: Path | None = None
    ca_passphrase_env: str | None = None
    client_ca: Path | None = None
    client_crl: Path | None = None
    client_lookup: bool = True
    contract_roots: tuple[Path, ...] | None = None
    contract_lookup: bool = True
    vehicle_roots: tuple[Path, ...] | None = None
    revocation_hosts: tuple[str, ...] | None = None
    contract_service: Annotated[str, Field(pattern=r"^https?://[^/?#]+$")] | None = None
    contract_service_token_env: str | None = None
    operator: str = ""
    quarantine: Literal["list", "listen"] = "list"
    connections_per_s: Annotated[float, Field(ge=0)] = 200.0
    address_connections_per_s: Annotated[float, Field(ge=0)] = 20.0
    address_connections: Annotated[int, Field(ge=0)] = 1000
    log_days: Annotated[float, Field(ge=0, le=3660)] = 14.0
    log_megabytes: Annotated[float, Field(gt=0, le=1e6)] = 200.0


class NetworkFee(_Table):
    """A time of day, in the site's time zone, at which the network costs something else; until before since: over midnight."""

    since: time
    until: time
    per_kwh: float


class PriceTable(_Table):
    """Beside the supply's price (``site.price_per_kwh``, or a list): what is paid for export, what the network and its peaks cost.

    source: a service that tells the exchange's prices, instead of file: zone is the bidding zone by its own name for it, url another address than
    its public one, token_env the environment variable with its token. The supply then costs (price + markup_per_kwh) * (1 + tax), and
    export_at_market pays for export what the exchange does.
    file: CSV with a price list, read anew when it changes. network_per_kwh: of the network where no entry of ``network`` says otherwise.
    demand_per_kw: of the highest mean of a quarter hour in the month. co2_g_per_kwh: of the grid's mix; co2_price_per_kg: what avoiding it is worth.
    """

    file: Path | None = None
    source: Literal["entsoe", "awattar", "energy-charts"] | None = None
    zone: str | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^?#]+$")] | None = None
    token_env: str | None = None
    markup_per_kwh: float = 0.0
    tax: Annotated[float, Field(ge=0, le=1)] = 0.0
    export_at_market: bool = False
    export_per_kwh: float = 0.0
    network_per_kwh: float = 0.0
    network: tuple[NetworkFee, ...] = ()
    demand_per_kw: Annotated[float, Field(ge=0)] = 0.0
    co2_g_per_kwh: float | None = None
    co2_price_per_kg: Annotated[float, Field(ge=0)] = 0.0


class WeatherTable(_Table):
    """Where the site lies, degrees north and east, and who tells the weather there: a service in Open-Meteo's form, or a CSV file.

    url: another address than the service's public one.
    """

    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    source: Literal["open-meteo"] | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^?#]+$")] | None = None
    file: Path | None = None


class PlanningTable(_Table):
    """plan_every_s: and besides when something changes. max_age_s: of a plan, then charging goes on as without one. budget_s: of the solver's time.

    hours: how far it looks ahead, at least; step_s: its steps. car_kwh: what a car is taken to want when nobody says.
    wear_per_kwh: of what batteries give.
    """

    enabled: bool = True
    plan_every_s: Seconds = 300.0
    max_age_s: Seconds = 900.0
    budget_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    hours: Annotated[float, Field(ge=1, le=168)] = 24.0
    step_s: Annotated[float, Field(ge=60, le=3600)] = 900.0
    car_kwh: Annotated[float, Field(gt=0, le=1000)] = 40.0
    wear_per_kwh: Annotated[float, Field(ge=0)] = 0.06


class SiteConfig(_Table):
    """The whole file."""

    site: SiteTable
    circuit: tuple[CircuitTable, ...] = Field(min_length=1)
    meter: tuple[MeterTable, ...] = ()
    point: tuple[PointTable, ...] = ()
    station: tuple[StationTable, ...] = ()
    battery: tuple[BatteryTable, ...] = ()
    generator: tuple[GeneratorTable, ...] = ()
    load: tuple[LoadTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    token: tuple[TokenTable, ...] = ()
    backend: tuple[BackendTable, ...] = ()
    tariff: tuple[TariffTable, ...] = ()
    payment: PaymentTable = PaymentTable()
    price: PriceTable = PriceTable()
    weather: WeatherTable = WeatherTable()
    planning: PlanningTable = PlanningTable()
    web: WebTable = WebTable()
    ocpp: OcppTable = OcppTable()
    eebus: EebusTable | None = None

    def topology(self) -> Topology:
        """The fixed part, in the model's words."""
        return Topology(
            circuits=_as(Circuit, self.circuit),
            points=_as(ChargingPoint, self.point, "current", *CALIBRATION),
            batteries=_as(Battery, self.battery, "control", "eebus"),
            generators=tuple(table.generator for table in self.generator),
            groups=(*_as(Group, self.group), *_shared_stations(self.point)),
            timezone=self.site.timezone,
            loads=tuple(table.load for table in self.load),
        )


CALIBRATION = ("calibrated", "evse_id", "public_key", "signing_meter", "signing_format")
"""Of a point, what no current hangs on."""


def _shared_stations(points: tuple[PointTable, ...]) -> tuple[Group, ...]:
    """A group for each station that has several points: what limits such a station as a whole limits their sum."""
    of: dict[str, list[str]] = {}
    for point in points:
        of.setdefault(point.station, []).append(point.id)
    return tuple(Group(id=station_group(name), name=name, members=tuple(members)) for name, members in of.items() if len(members) > 1)


def station_group(station: str) -> str:
    """The id of its group; with a blank, so that nothing configured can have it."""
    return f"station {station}"


T = TypeVar("T")


def _as(kind: type[T], tables: tuple[_Table, ...], *without: str) -> tuple[T, ...]:
    return tuple(kind(**{k: v for k, v in table if k not in without}) for table in tables)
