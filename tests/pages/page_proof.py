"""Proofs for the pages: the last charging at Bay 2 holds, that at Bay 3 does not, the others need none."""

from datetime import datetime, timedelta
from decimal import Decimal

from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome
from chargebridge.sim.ocpp_station import Faults, SigningPlan
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.site.proof.view import ProofMark, ProofView
from chargebridge.wire.signed.container import ContainedValue, write_safe_xml
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.ocmf_write import MeterReading
from chargebridge.wire.signed.record import SignedRecord

METER = SigningMeter(SigningPlan(seed="pages"), "CP", 2, Faults())
GOOD, BAD = "good-proof-0123456789abc", "bad-proof-0123456789abcd"


class PageProofs:
    """A ``ProofService``."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        key = METER.public_key
        good = ProofView(
            id=GOOD,
            session="s4",
            point="p02",
            evse="DE*ABC*E2",
            state="billable",
            stored="billable",
            code="",
            reason="",
            layers=Layers(signature=Outcome.VALID, session=Outcome.VALID, cdr=Outcome.VALID),
            findings=(),
            energy_billable=True,
            time_billable=True,
            energy_wh=Decimal("12500"),
            begin_wh=Decimal("1000000"),
            end_wh=Decimal("1012500"),
            begin=began - timedelta(hours=2),
            end=began - timedelta(hours=1),
            meter="M1",
            format="OCMF",
            key=key.spki().hex(),
            fingerprint=key.fingerprint(),
            key_from="public-key register, entry e2 of DE*ABC for DE*ABC*E2",
        )
        bad = {"id": BAD, "session": "s5", "point": "p03", "state": "unbillable", "stored": "unbillable", "format": ""}
        wrong = {
            "code": "not_signed",
            "reason": "the station has sent no signed values",
            "layers": Layers(session=Outcome.INVALID),
            "findings": (Finding(Layer.SESSION, Code.NOT_SIGNED, "the station has sent no signed values"),),
            "energy_wh": None,
            "begin_wh": None,
            "end_wh": None,
        }
        self._of = {"p02": good, "p03": ProofView(**{name: getattr(good, name) for name in good.__struct_fields__} | bad | wrong)}  # type: ignore[arg-type]

    def mark(self, point: str) -> ProofMark | None:
        found = self._of.get(point)
        return None if found is None else ProofMark(id=found.id, state=found.state, reason=found.reason)

    async def by_id(self, proof: str) -> ProofView | None:
        return next((view for view in self._of.values() if view.id == proof), None)

    async def of_session(self, session: str) -> ProofView | None:
        return next((view for view in self._of.values() if view.session == session), None)

    async def newest_at(self, point: str) -> ProofView | None:
        return self._of.get(point)

    def registered(self, record: SignedRecord) -> PublicKey | None:
        return METER.public_key if record.meter == "CP-M2" else None

    async def safe_xml(self, proof: str) -> bytes | None:
        if proof != GOOD:
            return None
        begin = MeterReading(transaction="B", energy=Decimal("1000.000"), at=self._began - timedelta(hours=2))
        end = MeterReading(transaction="E", energy=Decimal("1012.500"), at=self._began - timedelta(hours=1))
        return write_safe_xml([ContainedValue(METER.sign("TAG", begin, end), METER.public_key.spki().hex(), "4")])
