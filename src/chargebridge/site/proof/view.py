"""What pages, API and commands see of a session's proof."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from msgspec import Struct

from chargebridge.calibration.verdict import Finding, Layers
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import SignedRecord

ProofState = Literal["running", "billable", "unbillable"]


class ProofMark(Struct, frozen=True, kw_only=True):
    """The proof of a session in a list. id: unguessable, of its page ``/verify/<id>``. reason: why it is not billable."""

    id: str
    state: ProofState
    reason: str = ""


class ProofView(Struct, frozen=True, kw_only=True):
    """A session's proof, made anew from the records as they are kept, at the moment when it is shown.

    state: as it holds now; stored: as it was written down, the same unless somebody has changed a row. begin_wh, end_wh: of the meter's register.
    key: SubjectPublicKeyInfo, hex; fingerprint: SHA-256 of it; key_from: where it comes from, in words.
    """

    id: str
    session: str
    point: str
    evse: str
    state: ProofState
    stored: ProofState
    code: str
    reason: str
    layers: Layers
    findings: tuple[Finding, ...]
    energy_billable: bool
    time_billable: bool
    energy_wh: Decimal | None = None
    begin_wh: Decimal | None = None
    end_wh: Decimal | None = None
    begin: datetime | None = None
    end: datetime | None = None
    meter: str = ""
    format: str = ""
    key: str = ""
    fingerprint: str = ""
    key_from: str = ""
    judged_at: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.state == "billable"


class ProofService(Protocol):
    """What faces may ask of proofs."""

    async def by_id(self, proof: str) -> ProofView | None:
        """The one of that unguessable id."""
        ...

    async def of_session(self, session: str) -> ProofView | None: ...

    async def newest_at(self, point: str) -> ProofView | None:
        """Of the last session that has begun at a point; None where it needs none."""
        ...

    def registered(self, record: SignedRecord) -> PublicKey | None:
        """The key that the site's register has for what a record says of its point or its meter."""
        ...

    async def safe_xml(self, proof: str) -> bytes | None:
        """The session's signed values with the register's key, as the S.A.F.E. transparency software loads them."""
        ...
