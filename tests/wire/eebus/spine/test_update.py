"""Restricted function exchange, on limits and on measurements."""

import pytest

from chargebridge.wire.eebus.spine.datagram import PARTIAL, Filter, command
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.functions.common import ScaledNumber, TimePeriod, scaled
from chargebridge.wire.eebus.spine.functions.device import DeviceDiagnosisStateData
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitData, LoadControlLimitListData
from chargebridge.wire.eebus.spine.functions.measurement import MeasurementData, MeasurementListData
from chargebridge.wire.eebus.spine.update import MAX_ENTRIES, received, written

END = {"timePeriod": {"endTime": {}}}


def limits(*rows):
    return LoadControlLimitListData(load_control_limit_data=rows)


def row(limit_id=0, **more):
    return LoadControlLimitData(limit_id=limit_id, **more)


def there(limit_id, changeable=True):
    return row(limit_id, is_limit_changeable=changeable, is_limit_active=False, time_period=TimePeriod(end_time="PT5M"), value=scaled(16))


OLD = limits(there(0), there(1), there(2, changeable=False))
DELETE_END = Filter(delete=True, selectors=({"limitId": 1},), elements=END)


def test_a_partial_write_changes_what_is_present_only():
    new = written(command(limits(row(1, value=ScaledNumber(number=8))), filters=(PARTIAL,)), OLD)
    first, second, third = new.load_control_limit_data
    assert (first, third) == (there(0), there(2, changeable=False))
    assert second == row(1, is_limit_changeable=True, is_limit_active=False, time_period=TimePeriod(end_time="PT5M"), value=ScaledNumber(number=8, scale=0))  # noqa: E501  # fmt: skip


def test_delete_and_partial_in_one_message():
    new = written(command(limits(row(1, is_limit_active=True)), filters=(DELETE_END, PARTIAL)), OLD)
    assert new.load_control_limit_data[1] == row(1, is_limit_changeable=True, is_limit_active=True, value=scaled(16))
    assert new.load_control_limit_data[0].time_period is not None


def test_selectors_say_which_entries():
    everyone = Filter(partial=True, selectors=({"isLimitChangeable": True},))
    new = written(command(limits(LoadControlLimitData(is_limit_active=True)), filters=(everyone,)), OLD)
    assert [one.is_limit_active for one in new.load_control_limit_data] == [True, True, False]


def test_a_full_write_puts_an_entry_in_the_place_of_the_old():
    new = written(command(limits(row(0, is_limit_active=True, value=scaled(6)))), OLD)
    assert new.load_control_limit_data[0] == row(0, is_limit_changeable=True, is_limit_active=True, value=scaled(6))
    assert new.load_control_limit_data[1:] == OLD.load_control_limit_data[1:]


@pytest.mark.parametrize(
    ("cmd", "number"),
    [
        (command(limits(row(9, value=scaled(8))), filters=(PARTIAL,)), 7),
        (command(limits(row(9, value=scaled(8)))), 7),
        (command(limits(LoadControlLimitData(value=scaled(8))), filters=(PARTIAL,)), 7),
        (command(limits(row(2, value=scaled(8))), filters=(PARTIAL,)), 7),
        (command(limits(row(0, is_limit_changeable=False)), filters=(PARTIAL,)), 7),
        (command(limits(), filters=(Filter(delete=True, selectors=({"limitId": 0},)),)), 7),
        (command(limits(row(0)), filters=(Filter(partial=True, selectors=({"timestampInterval": {}},)),)), 8),
        (command(limits(row(1)), filters=(Filter(partial=True, selectors=({"limitId": 0},)),)), 7),
        (command(MeasurementListData(), filters=(PARTIAL,)), 6),
    ],
    ids=[
        "no such",
        "no such, full",
        "no key",
        "not changeable",
        "the flag",
        "an entry",
        "a selector of time",
        "another key",
        "nothing there",
    ],
)
def test_what_a_write_may_not(cmd, number):
    with pytest.raises(SpineError) as caught:
        written(cmd, OLD if cmd.name == "loadControlLimitListData" else None)
    assert caught.value.number is ErrorNumber(number)


def test_a_partial_notify_adds_what_is_new():
    old = MeasurementListData(measurement_data=(MeasurementData(measurement_id=1, value_type="value", value=scaled(230)),))
    news = MeasurementListData(
        measurement_data=(
            MeasurementData(measurement_id=1, value_type="value", value=ScaledNumber(number=231)),
            MeasurementData(measurement_id=2, value_type="value", value=scaled(5)),
        )
    )
    new = received(command(news, filters=(PARTIAL,)), old)
    assert [one.value for one in new.measurement_data] == [scaled(231), scaled(5)]
    assert received(command(news), old) == news


def test_a_partial_notify_of_no_list_is_merged_too():
    old = DeviceDiagnosisStateData(operating_state="normalOperation", up_time="PT1H")
    new = received(command(DeviceDiagnosisStateData(operating_state="failure"), filters=(PARTIAL,)), old)
    assert (new.operating_state, new.up_time) == ("failure", "PT1H")


def test_a_list_has_an_end():
    many = MeasurementListData(measurement_data=tuple(MeasurementData(measurement_id=at) for at in range(MAX_ENTRIES + 1)))
    with pytest.raises(SpineError, match="entries") as caught:
        received(command(many, filters=(PARTIAL,)), None)
    assert caught.value.number is ErrorNumber.OVERLOAD
