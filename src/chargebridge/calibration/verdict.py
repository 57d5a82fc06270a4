"""What is said of signed values, layer by layer: can it be read, does the signature hold, do the values make a session, does the CDR agree.

Only what is valid in every layer may be invoiced (S.A.F.E.: a missing signature at a charging point that is under calibration law is an error too).
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.signed.record import Lenience


class Layer(StrEnum):
    PARSE = "parse"
    SIGNATURE = "signature"
    SESSION = "session"
    CDR = "cdr"


class Outcome(StrEnum):
    """INVALID: it was looked at and does not hold. MALFORMED: it cannot be evaluated. UNDECIDABLE: no key is known."""

    VALID = "valid"
    INVALID = "invalid"
    MALFORMED = "malformed"
    UNDECIDABLE = "undecidable"


_WORST_FIRST = (Outcome.INVALID, Outcome.MALFORMED, Outcome.UNDECIDABLE)
_VALID = Outcome.VALID


class Code(StrEnum):
    """Stable and machine-readable; what goes to the other side of a roaming connection with a refusal."""

    UNREADABLE = "unreadable"
    LENIENT = "lenient"
    NO_KEY = "no_key"
    KEY_REFUSED = "key_refused"
    CURVE_DIFFERS = "curve_differs"
    SIGNATURE_WRONG = "signature_wrong"
    NO_RELEVANT_VALUE = "no_relevant_value"
    NO_BEGIN = "no_begin"
    NO_END = "no_end"
    SEVERAL_BEGINS = "several_begins"
    SEVERAL_ENDS = "several_ends"
    NO_ENERGY = "no_energy"
    ENERGY_FALLS = "energy_falls"
    TIME_FALLS = "time_falls"
    PAGE_CONTEXT = "page_context"
    PAGE_FALLS = "page_falls"
    PAGES_MISSING = "pages_missing"
    METER_STATUS = "meter_status"
    ENERGY_UNUSABLE = "energy_unusable"
    NOT_IDENTIFIED = "not_identified"
    TIME_STATE = "time_state"
    METER_DIFFERS = "meter_differs"
    GATEWAY_DIFFERS = "gateway_differs"
    CUSTOMER_DIFFERS = "customer_differs"
    POINT_DIFFERS = "point_differs"
    SESSION_DIFFERS = "session_differs"
    REGISTER_DIFFERS = "register_differs"
    FORMAT_DIFFERS = "format_differs"
    EXCEPTION = "exception"
    NOT_SIGNED = "not_signed"
    METHOD_UNKNOWN = "method_unknown"
    NOT_REGISTERED = "not_registered"
    NOT_ACTIVE = "not_active"
    KEY_DIFFERS = "key_differs"
    TOTAL_DIFFERS = "total_differs"
    PERIODS_DIFFER = "periods_differ"
    TIMES_DIFFER = "times_differ"


class Finding(Struct, frozen=True, gc=False):
    """text: what was found, for people. fatal: the layer does not hold because of it."""

    layer: Layer
    code: Code
    text: str
    fatal: bool = True


class Layers(Struct, frozen=True, kw_only=True, gc=False):
    """None: it was not come to."""

    parse: Outcome = Outcome.VALID
    signature: Outcome | None = None
    session: Outcome | None = None
    cdr: Outcome | None = None

    @property
    def worst(self) -> Outcome:
        """Of all that were come to: what is wrong in one is wrong, whatever cannot be told of another."""
        found = (self.parse, self.signature, self.session, self.cdr)
        for one in _WORST_FIRST:
            if one in found:
                return one
        return _VALID


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """energy_wh: between begin and end, exact; step_wh: the coarser of their last digits. begin, end: times of the values.

    energy_billable, time_billable: two answers, since a meter may know the energy well and the time not.
    """

    layers: Layers
    findings: tuple[Finding, ...] = ()
    leniences: tuple[Lenience, ...] = ()
    energy_wh: Decimal | None = None
    step_wh: Decimal | None = None
    begin: datetime | None = None
    end: datetime | None = None
    energy_billable: bool = False
    time_billable: bool = False

    @property
    def outcome(self) -> Outcome:
        return self.layers.worst

    @property
    def reason(self) -> str:
        """The first fatal finding, or an empty text."""
        return next((finding.text for finding in self.findings if finding.fatal), "")
