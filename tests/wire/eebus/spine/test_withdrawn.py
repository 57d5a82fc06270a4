"""A yes that must not go out after all."""

from tests.wire.eebus.usecases.bench import joined

from chargebridge.wire.eebus.spine.datagram import decode
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.link import withdrawn


def test_a_result_that_says_yes_says_no_and_nothing_else_changes():
    wire = joined()
    said = [data for _, data in wire._sent]
    results = [data for data in said if b'"errorNumber":0' in data]
    assert results
    for data in said:
        after = withdrawn(data, "no room")
        if data not in results:
            assert after == data
            continue
        assert decode(after).header == decode(data).header
        assert (decode(after).cmd.data.error_number, decode(after).cmd.data.description) == (ErrorNumber.GENERAL, "no room")
        assert withdrawn(after, "other") == after
