"""What the REST API takes and gives, in the words of OpenAPI."""

from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chargebridge.model.finding import DayFigures, Finding
from chargebridge.model.session import Preference
from chargebridge.planning.forecast.drivers import Guess
from chargebridge.site.eebus_view import EebusCode, EebusView, GridLimit, LimitWrite, PeerView, TracedMessage
from chargebridge.site.forecasts.view import DriverRecord, ForecastView, Record, ScoredForecast, SourceState
from chargebridge.site.money.view import AccountRow, PaymentRow, QrCode, TermsView
from chargebridge.site.operation.security_view import (
    GivenCertificate,
    InstalledCertificate,
    InstalledCertificates,
    Judged,
    StationSecurity,
    UpgradeStep,
)
from chargebridge.site.operation.view import (
    Campaign,
    CommandForm,
    CommandRecord,
    ImportResult,
    LoggedMessage,
    StationDetail,
    StationRow,
    StrangerRow,
)
from chargebridge.site.plan_view import CarPlan, PlanRow, PlanView, QuarterHour, Trial
from chargebridge.site.prices import PriceEntry
from chargebridge.site.view import HistoryPoint, LimitView, MeterState, PointView, SessionRow, SiteView
from chargebridge.stations.ocpp.commanding import Comparison
from chargebridge.stations.port import Answer

GIVEN: tuple[type[msgspec.Struct], ...] = (
    *(SiteView, PointView, LimitView, SessionRow, HistoryPoint, MeterState, Finding, DayFigures, Answer),
    *(StationRow, StationDetail, LoggedMessage, CommandRecord, CommandForm, Campaign, StrangerRow, ImportResult, Comparison),
    *(PlanView, CarPlan, PlanRow, QuarterHour, Trial, PriceEntry),
    *(ForecastView, Record, ScoredForecast, DriverRecord, SourceState, Guess),
    *(TermsView, PaymentRow, AccountRow, QrCode),
    *(EebusView, PeerView, GridLimit, LimitWrite, TracedMessage, EebusCode),
    *(Judged, GivenCertificate, InstalledCertificate, InstalledCertificates, StationSecurity, UpgradeStep),
)
_MAY_BE_ENDLESS = {"allowed_a", "planned_a"}
"""Figures that are infinite where nothing binds; JSON says null."""


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class PreferenceBody(Body):
    """What the driver asks for (TF-EVC 3.2.2). Prices in the site's currency per kWh."""

    energy_min_wh: float = Field(0.0, ge=0, description="needed by target_at, counted from the begin of the session")
    energy_max_wh: float | None = Field(None, ge=0, description="null: as much as the car takes")
    target_at: AwareDatetime | None = Field(None, description="null: as soon as possible")
    price_cap_min: float | None = Field(None, description="the highest price until the minimum is reached; null: any")
    price_cap_max: float | None = Field(None, description="the highest price beyond the minimum; null: any")
    may_discharge: bool = Field(False, description="the car may give energy back, where it and the site can")
    reserve_soc: float = Field(0.5, ge=0, le=1, description="never below this share of the car's battery")

    def preference(self) -> Preference:
        return Preference(**self.model_dump())


class LimitBody(Body):
    power_w: float = Field(ge=0, description="0 is a limit; to lift a limit, delete it")
    duration_s: float | None = Field(None, gt=0, description="null: until withdrawn")


class DischargeBody(Body):
    power_w: float = Field(ge=0, description="what the car is to give back; 0 ends it")
    duration_s: float = Field(gt=0, description="for so long; renew it before")


class PriorityBody(Body):
    priority: int = Field(ge=-100, le=100, description="the higher one is served first")


class Problem(BaseModel):
    """Every error."""

    where: str
    reason: str
    cure: str


def gives(kind: type[msgspec.Struct], *, many: bool = False) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that answers with one of GIVEN."""
    one = {"$ref": f"#/components/schemas/{kind.__name__}"}
    schema = {"type": "array", "items": one} if many else one
    return {200: {"description": "Success", "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI) -> None:
    """Let the OpenAPI document of ``app`` know the msgspec types too."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            _, components = msgspec.json.schema_components(GIVEN, ref_template="#/components/schemas/{name}")
            for component in components.values():
                for name, schema in component.get("properties", {}).items():
                    if name in _MAY_BE_ENDLESS:
                        _allow_null(schema)
            document["components"]["schemas"].update(components)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _allow_null(schema: dict[str, Any]) -> None:
    if schema.get("type") == "number":
        schema["type"] = ["number", "null"]
        schema["description"] = "null: no limit"
    for part in schema.get("prefixItems", []):
        _allow_null(part)
