"""Many CDRs at once: all of a batch are read, then all their records, then all signatures verified, then all concluded.

What is done many times over stays in the processor's caches; mixed from CDR to CDR, the same steps take a fifth longer (docs/performance.md).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from chargebridge.calibration.cdr import Cdr, Prepared, conclude_cdr, prepare, read_cdr
from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.session import signature_findings
from chargebridge.calibration.verdict import Code, Finding, Layer, Layers, Outcome, Verdict
from chargebridge.wire.signed.errors import SignedFormatError

BATCH = 1024

Registered = Callable[[str], tuple[Sequence[KeyEntry], bool]]
"""For an EVSE-ID: what the registry has for it, and whether it is under calibration law."""


def judge_many(cdrs: Iterable[bytes], registered: Registered) -> Iterator[Verdict]:
    """A verdict for each OCPI CDR, in their order; one that cannot be read is malformed."""
    rest = iter(cdrs)
    while batch := list(islice(rest, BATCH)):
        read = [_read(data) for data in batch]
        made = [one if isinstance(one, Verdict) else _prepare(one, registered) for one in read]
        signed = [[] if isinstance(one, Verdict) else signature_findings(one.records, one.key) for one in made]
        for one, findings in zip(made, signed, strict=True):
            yield one if isinstance(one, Verdict) else conclude_cdr(one, findings)


def _read(data: bytes) -> Cdr | Verdict:
    try:
        return read_cdr(data)
    except SignedFormatError as error:
        return Verdict(layers=Layers(parse=Outcome.MALFORMED), findings=(Finding(Layer.PARSE, Code.UNREADABLE, str(error)),))


def _prepare(cdr: Cdr, registered: Registered) -> Prepared | Verdict:
    entries, under_law = registered(cdr.cdr_location.evse_id)
    return prepare(cdr, entries, under_calibration_law=under_law)
