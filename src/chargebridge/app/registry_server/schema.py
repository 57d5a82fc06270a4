"""What operators hand in and what everybody gets, in the words of OpenAPI."""

import base64
from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.registry.heads import TreeHead
from chargebridge.calibration.registry.log import Receipt
from chargebridge.calibration.registry.rules import Handed

EvseId = Annotated[str, Field(min_length=7, max_length=40, pattern=r"^[A-Za-z0-9*]+$")]
Serial = Annotated[str, Field(min_length=1, max_length=64)]
Operator = Annotated[str, Field(pattern=r"^[A-Z]{2}\*[A-Z0-9]{3}$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class KeyBody(Body):
    """A key as it is read off the meter. curve: only where its form does not tell it. shared: the gateway serves several points with one key."""

    evse: EvseId
    meter: Serial
    format: str = Field(max_length=40, description="such as OCMF, Alfen Eichrecht, EDL40 Mennekes")
    key: str = Field(max_length=4096, description="hexadecimal, base64, Base32 or PEM")
    curve: str | None = Field(None, max_length=40)
    station: str = Field("", max_length=64, description="model of the hardware")
    gateway: str = Field("", max_length=64)
    valid_from: AwareDatetime | None = None
    shared: bool = False

    def handed(self, cpo: str) -> Handed:
        return Handed(cpo=cpo, **self.model_dump())


class SuccessorBody(KeyBody):
    """entry: the one whose place it takes."""

    entry: str

    def handed(self, cpo: str) -> Handed:
        return Handed(cpo=cpo, **self.model_dump(exclude={"entry"}))


class EndBody(Body):
    entry: str
    ended_at: AwareDatetime | None = None


class ExchangeBody(Body):
    entry: str
    station: Annotated[str, Field(min_length=1, max_length=64)]
    meter: Serial
    serial: str = Field("", max_length=64)


class OfferBody(Body):
    entry: str
    to: Operator
    until: AwareDatetime


class TakeOverBody(Body):
    entry: str
    evse: EvseId


def shown(entry: KeyEntry) -> dict[str, Any]:
    """An entry in plain JSON. key: SubjectPublicKeyInfo, base64."""
    told = msgspec.structs.asdict(entry)
    told["key"] = base64.b64encode(entry.key.spki()).decode()
    told["curve"] = entry.key.curve
    told["key_sha256"] = entry.key.fingerprint()
    return told


def shown_head(head: TreeHead) -> dict[str, Any]:
    return {"size": head.size, "at": head.at, "root": head.root.hex(), "signature": base64.b64encode(head.signature).decode()}


def shown_receipt(receipt: Receipt) -> dict[str, Any]:
    """The confirmation: the logged bytes and the proof that they are public."""
    return {
        "entry": shown(receipt.entry),
        "event": base64.b64encode(receipt.body).decode(),
        "index": receipt.index,
        "head": shown_head(receipt.head),
        "path": [step.hex() for step in receipt.path],
    }


def moment(text: datetime | None) -> str | None:
    return None if text is None else text.isoformat()
