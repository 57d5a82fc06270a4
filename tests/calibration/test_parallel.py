"""Several processes come to the same verdicts, in the same order, and tell how far they are."""

import base64
import json
from itertools import count, islice

from tests import signed_samples as samples

from chargebridge.calibration import batch
from chargebridge.calibration.batch import judge_many
from chargebridge.calibration.parallel import judge_parallel
from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.verdict import Code, Outcome

EVSE = "DE*ABC*E1"
REGISTERED = {EVSE: ((KeyEntry(evse=EVSE, key=samples.public(), meter="M1"),), True)}


def cdr(number: int) -> bytes:
    """Each third bills too much, each seventh is no JSON."""
    if number % 7 == 3:
        return b"{"
    record = base64.b64encode(samples.session()).decode()
    told = {
        "id": f"C{number}",
        "start_date_time": "2026-03-01T10:00:00Z",
        "end_date_time": "2026-03-01T11:00:00Z",
        "total_energy": 12.5 if number % 3 else 13,
        "cdr_location": {"evse_id": EVSE},
        "signed_data": {"encoding_method": "OCMF", "signed_values": [{"signed_data": record}]},
    }
    return json.dumps(told).encode()


def test_the_same_verdicts_in_the_same_order_by_two_processes() -> None:
    cdrs = [cdr(number) for number in range(42)] * (2 * batch.BATCH // 42 + 1)
    heard: list[int] = []
    found = list(judge_parallel(cdrs, REGISTERED.__getitem__, 2, heard.append))
    assert found == list(judge_many(cdrs, REGISTERED.__getitem__))
    assert [one.outcome for one in found[:4]] == [Outcome.INVALID, Outcome.VALID, Outcome.VALID, Outcome.MALFORMED]
    assert found[0].findings[0].code is Code.TOTAL_DIFFERS
    assert heard == [batch.BATCH, 2 * batch.BATCH, len(cdrs)]


def test_an_endless_source_is_read_no_further_than_needed() -> None:
    good = cdr(1)
    drawn = count()
    endless = (good for _ in iter(drawn.__next__, None))
    assert all(one.energy_billable for one in islice(judge_parallel(endless, REGISTERED.__getitem__, 1), 10))
    assert next(drawn) <= 4 * batch.BATCH
