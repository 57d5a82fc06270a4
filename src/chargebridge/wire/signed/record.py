"""The normal form: what every signed record comes down to, whatever its format.

A record may carry one signature or two (a Mennekes process signs begin and end apart), and one reading or more (an OCMF record of a whole
session, PCDF's one value that is the session's energy).

None of these values can refer to itself, so the garbage collector need not look at them (``gc=False``): there are very many of them at a time.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.signed.keys import PublicKey


class SignedFormat(StrEnum):
    """Named as OCPI's ``encoding_method`` names them, where it does."""

    OCMF = "OCMF"
    ALFEN = "Alfen Eichrecht"
    EDL40 = "EDL40 E-Mobility Extension"
    ISA_EDL40 = "ISA-EDL40-P"
    MENNEKES = "EDL40 Mennekes"
    EDL40_SIG = "EDL40 signature"
    PCDF = "PCDF"
    BSM = "BSM-WS36A"
    EMH_CRYPT = "EMHCrypt01"
    CHARGEPOINT = "ChargePoint"


class Kind(StrEnum):
    """What a reading stands for in its session. ENERGY: no register, but what the session took. EXCEPTION: from here on nothing counts."""

    BEGIN = "begin"
    INTERMEDIATE = "intermediate"
    END = "end"
    ENERGY = "energy"
    EXCEPTION = "exception"
    OTHER = "other"


class TimeQuality(StrEnum):
    """SYNCHRONISED: by a source that is legally good. RELATIVE: durations are exact, the time of day is not. INFORMATIVE, UNKNOWN: neither."""

    SYNCHRONISED = "synchronised"
    RELATIVE = "relative"
    INFORMATIVE = "informative"
    UNKNOWN = "unknown"


class Lenience(StrEnum):
    """In what a record departs from its format and can be read all the same. Whoever is strict refuses it."""

    NEGATIVE_INTEGER = "signature: an integer without its sign byte"
    PADDED_INTEGER = "signature: an integer with a sign byte too many"
    RAW_SIGNATURE = "signature: r and s without DER"
    RAW_KEY = "public key: a bare point"
    TRIMMED = "blanks around the signed section"
    FOURTH_SECTION = "a fourth section after the signature"
    VALUE_AS_TEXT = "a value as text instead of a number"
    NO_VERSION = "no format version"


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """One signed value. energy_wh: of a register, or of the session (ENERGY), exact; None where it is no energy or cannot be told.

    step_wh: of the last digit that is sent. obis: as the record names it. relevant: whether the law lets it be billed by (register of energy,
    not of a cable's loss). good: the meter calls itself well; energy_usable, time_usable: the record does not exclude it. at: aware UTC.
    """

    kind: Kind
    energy_wh: Decimal | None
    step_wh: Decimal = Decimal(1)
    obis: str = ""
    at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN
    relevant: bool = True
    good: bool = True
    status: str = ""
    energy_usable: bool = True
    time_usable: bool = True


class Signature(Struct, frozen=True, kw_only=True, gc=False):
    """signed: the exact bytes that are covered. r, s: of ECDSA with SHA-256. curve: as the record claims it, outside the signature; None: it claims
    none. curves: that the format allows."""

    signed: bytes
    r: int
    s: int
    curve: str | None = None
    curves: tuple[str, ...]


class SignedRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One record. raw: as it was read, for ever. key: that it brings along, which proves nothing by itself. key_refused: why that one cannot be read.

    meter, gateway: serials. point: of the charging point, as the record names it. session: the counter or id that ties begin and end together.
    context, page: its place in the meter's sequence of records (pages: of each signature, where they have their own). customer: who charges,
    customer_kind: how he was named; identified: False where the record itself says that it is not sure who it was.
    unsigned: what is told here and not covered by the signature.
    """

    format: SignedFormat
    raw: bytes
    signatures: tuple[Signature, ...]
    readings: tuple[Reading, ...]
    key: PublicKey | None = None
    key_refused: str = ""
    version: str = ""
    meter: str = ""
    gateway: str = ""
    point: str = ""
    session: str = ""
    context: str = ""
    page: int | None = None
    pages: tuple[int, ...] = ()
    customer: str = ""
    customer_kind: str = ""
    identified: bool = True
    unsigned: tuple[str, ...] = ()
    leniences: tuple[Lenience, ...] = ()
