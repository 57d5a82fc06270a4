"""What the REST API for stations takes, in the words of OpenAPI."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from chargebridge.app.web.api_schema import Body
from chargebridge.site.operation.view import CampaignPlan


class CommandBody(Body):
    """A command by name, or with ``action`` any call of the station's OCPP version."""

    name: str | None = Field(None, max_length=50, description="a command by name; GET .../commands/forms lists them with their arguments")
    arguments: dict[str, Any] = Field(default_factory=dict, description="of the named command")
    action: str | None = Field(None, max_length=50, description="instead of name: an action of the station's OCPP version")
    payload: dict[str, Any] = Field(default_factory=dict, description="of the action, as its schema has it")


class CampaignBody(Body):
    """Firmware for many stations."""

    name: str = Field(min_length=1, max_length=100, description="for people")
    stations: list[str] = Field(min_length=1, max_length=5000, description="identities; asked in this order")
    url: str = Field(min_length=1, max_length=512, description="where stations fetch the file: http, https, ftp, ftps or sftp")
    version: str | None = Field(None, max_length=50, description="what a station says of itself once it has it; such stations are left out")
    sha256: str | None = Field(None, description="of the file; we fetch and compare it before any station is asked (http, https)")
    signing_certificate: str | None = Field(None, max_length=5500, description="PEM; with signature, stations check the file themselves")
    signature: str | None = Field(None, max_length=800, description="base64, by the key of signing_certificate")
    not_before: AwareDatetime | None = Field(None, description="no station is asked earlier")
    not_after: AwareDatetime | None = Field(None, description="no station is asked later")
    at_once: int = Field(1, ge=1, le=1000, description="so many stations at a time at most")
    tries: int = Field(2, ge=1, le=10, description="a station")
    patience_s: float = Field(3600.0, ge=10, le=604_800, description="without news for so long, a try has failed")
    while_charging: bool = Field(False, description="true: also stations with a running transaction")

    def plan(self) -> CampaignPlan:
        return CampaignPlan(**{**self.model_dump(), "stations": tuple(self.stations)})


class SteerBody(Body):
    to: Literal["pause", "resume", "abort", "retry"] = Field(description="retry: stations that failed or were left out begin again")


class JudgeBody(Body):
    approve: bool = Field(description="false: turn it away for good")
    security_profile: Literal[0, 1, 2, 3] = Field(1, description="0 nothing, 1 password, 2 password and TLS, 3 client certificate")
    password: str | None = Field(None, description="16 to 40 characters; null: a random one is made and told this once")


class UpgradeBody(Body):
    """Where a station is to come by a higher security profile."""

    security_profile: Literal[1, 2, 3]
    url: str | None = Field(None, description="2.x: its new address without its identity; null: the configured one", max_length=460)
    slot: int | None = Field(None, ge=0, description="2.x: the configuration slot; null: the first free one that it takes")


class StationFileBody(Body):
    """Stations to take in: as a list, or as the text of a CSV file."""

    stations: list[dict[str, Any]] | None = Field(None, description="as GET /api/v1/station-file gives them, with an optional password")
    csv: str | None = Field(None, max_length=5_000_000, description="instead: a CSV file's text")
