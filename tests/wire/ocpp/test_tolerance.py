"""Tolerance profiles: each repair by a message that was seen in the field or is built like one; what they must never touch."""

import json
from typing import Any

import msgspec
import pytest

from chargebridge.wire.ocpp import V16, V201, CallReceived, Connection, ErrorCode, Malformed, Mended, PayloadError, v16, v201
from chargebridge.wire.ocpp.mending import REPAIRS
from chargebridge.wire.ocpp.tolerance import Profile, Tolerance, profiles, propose

EVERYTHING = Profile(name="x", source="test", repairs=frozenset(REPAIRS), aliases={"unit:Hz": "Hertz"})
SAMPLE = {"value": "100", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}


def mend16(action: str, payload: Any, *repairs: str, **more: Any) -> tuple[Any, list[str]]:
    profile = Profile(name="x", source="test", repairs=frozenset(repairs), **more) if repairs else EVERYTHING
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    request, told = Tolerance(profile).request(V16, action, text)
    return request, [repair.name for repair in told]


def values(*samples: Any, **more: Any) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-05T12:00:00Z", "sampledValue": list(samples)}], **more}


@pytest.mark.parametrize(
    ("action", "payload", "repair", "becomes"),
    [
        ("MeterValues", values(SAMPLE) | {"meterValue": values(SAMPLE)["meterValue"][0]}, "lone_object", values(SAMPLE)),
        ("MeterValues", values(SAMPLE, connectorId="1"), "number_as_text", values(SAMPLE)),
        ("MeterValues", values(SAMPLE, connectorId=1.0), "whole_fraction", values(SAMPLE)),
        ("Authorize", {"idTag": 1234}, "text_as_number", {"idTag": "1234"}),
        ("MeterValues", values(SAMPLE, transactionId=None), "null_field", values(SAMPLE)),
        ("StopTransaction", {"transactionId": 1, "meterStop": 5, "timestamp": "2026-01-05T12:00:00Z", "reason": ""}, "empty_field",
         {"transactionId": 1, "meterStop": 5, "timestamp": "2026-01-05T12:00:00Z"}),
        ("MeterValues", values(SAMPLE | {"measurand": "Energy.Active.Import.Register\n"}), "blanks", values(SAMPLE)),
        ("MeterValues", values(SAMPLE | {"unit": "wh"}), "letter_case", values(SAMPLE)),
        ("MeterValues", values(SAMPLE | {"Phase": "L1"}), "field_case", values(SAMPLE | {"phase": "L1"})),
        ("MeterValues", values({"value": "49.97", "measurand": "Frequency", "unit": "Hz"}), "alias",
         values({"value": "49.97", "measurand": "Frequency", "unit": "Hertz"})),
        ("MeterValues", values(SAMPLE, vendor="x"), "unknown_field", values(SAMPLE)),
        ("MeterValues", values(SAMPLE | {"context": "Sample.Whenever"}), "unknown_word", values(SAMPLE)),
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "9" * 26}, "too_long",
         {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "9" * 25}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "2026/01/05 12:00+03", "sampledValue": [SAMPLE]}]}, "odd_time",
         {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-05T12:00:00+03:00", "sampledValue": [SAMPLE]}]}),
        ("MeterValues", values(SAMPLE | {"value": 1.50}), "meter_number_spelling", values(SAMPLE | {"value": "1.5"})),
        ("StopTransaction", {"transactionId": 1, "meterStop": "5", "timestamp": "2026-01-05T12:00:00Z"}, "meter_number_spelling",
         {"transactionId": 1, "meterStop": 5, "timestamp": "2026-01-05T12:00:00Z"}),
        ("MeterValues", values(SAMPLE, {"value": "7", "unit": "furlong"}), "sample_dropped", values(SAMPLE)),
        ("MeterValues", values(SAMPLE) | {"meterValue": [{"timestamp": "2026-01-05T12:00:00Z"}, *values(SAMPLE)["meterValue"]]},
         "empty_samples", values(SAMPLE)),
    ],
)  # fmt: skip
def test_each_repair(action: str, payload: Any, repair: str, becomes: Any) -> None:
    text = json.dumps(payload).encode()
    with pytest.raises(PayloadError):
        V16.decode_request(action, text)
    request, told = mend16(action, payload, repair, aliases={"unit:Hz": "Hertz"})
    assert told == [repair]
    assert request == V16.decode_request(action, json.dumps(becomes).encode())
    with pytest.raises(PayloadError):  # not without being named
        mend16(action, payload, *(REPAIRS.keys() - {repair} - DEARER.get(repair, set())))


# Other repairs that would take the same message too, and lose something by it.
DEARER = {
    "blanks": {"letter_case", "sample_dropped"},
    "letter_case": {"sample_dropped"},
    "alias": {"sample_dropped"},
    "empty_field": {"unknown_word"},
}


def test_a_missing_field_has_the_profiles_default_and_no_other() -> None:
    payload = {"connectorId": 1, "status": "Available"}
    request, told = mend16("StatusNotification", payload, "missing_field", missing={"StatusNotification.errorCode": "NoError"})
    assert (request.error_code, told) == ("NoError", ["missing_field"])
    with pytest.raises(PayloadError):
        mend16("StatusNotification", payload, "missing_field")


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        (
            "StartTransaction",
            {"connectorId": 1, "idTag": "x" * 30, "meterStart": 0, "timestamp": "2026-01-05T12:00:00Z"},
        ),  # a card is not cut
        ("StopTransaction", {"transactionId": 1, "meterStop": 5.7, "timestamp": "2026-01-05T12:00:00Z"}),  # a register is not rounded
        ("StopTransaction", {"transactionId": 1, "timestamp": "2026-01-05T12:00:00Z"}),  # nor made up
        ("StopTransaction", {"transactionId": 1, "meterStop": 5, "timestamp": "yesterday"}),
        ("StopTransaction", {"transactionId": 1, "meterStop": 5, "timestamp": ""}),
        ("MeterValues", values(SAMPLE | {"value": {"a": 1}})),
        ("MeterValues", values(SAMPLE) | {"connectorId": True}),
        ("MeterValues", []),
        ("MeterValues", values(SAMPLE | {"Unit": "kWh"})),  # said twice, and differently
    ],
)
def test_what_is_never_made_to_fit(action: str, payload: Any) -> None:
    with pytest.raises(PayloadError):
        mend16(action, payload)


def test_a_lost_unit_takes_its_figure_with_it() -> None:
    """Without the unit the figure would be read as Wh."""
    request, told = mend16("MeterValues", values({"value": "5", "unit": ""}, SAMPLE))
    assert [sample.value for sample in request.meter_value[0].sampled_value] == ["100"]
    assert told == ["sample_dropped"]


def test_digits_stay_as_they_came() -> None:
    text = json.dumps(values(SAMPLE)).replace('"100"', "123456789012345.10").encode()
    request, _ = mend16("MeterValues", text)
    assert request.meter_value[0].sampled_value[0].value == "123456789012345.10"


def test_second_generation() -> None:
    payload = {"evseId": "1", "meterValue": {"timestamp": "2026-01-05 12:00:00 UTC", "sampledValue": {"value": "2.5", "context": None}}}
    request, told = Tolerance(EVERYTHING).request(V201, "MeterValues", json.dumps(payload).encode())
    assert isinstance(request, v201.MeterValuesRequest)
    assert request.meter_value[0].sampled_value[0].value == 2.5
    assert {r.name for r in told} == {"number_as_text", "lone_object", "odd_time", "meter_number_spelling", "null_field"}


def test_answers_are_mended_too() -> None:
    answer = {"configurationKey": {"key": "A", "readonly": "false", "value": None}}
    response, told = Tolerance(EVERYTHING).response(V16, "GetConfiguration", json.dumps(answer).encode())
    assert response == v16.GetConfigurationResponse(configuration_key=(v16.KeyValue(key="A", readonly=False),))
    assert len(told) == 3


def test_a_connection_tells_and_counts_what_was_mended() -> None:
    frame = '[2,"1","MeterValues",{"connectorId":1,"transactionId":,"meterValue":[]}]'
    strict, tolerant = Connection(V16), Connection(V16, tolerance=Tolerance(profiles()["aefa-home"]))
    assert isinstance(strict.receive(frame)[0], Malformed)
    mended, call = tolerant.receive(frame)
    assert isinstance(mended, Mended)
    assert mended.frame == frame
    assert isinstance(call, CallReceived)
    assert call.request == v16.MeterValuesRequest(connector_id=1, meter_value=())
    assert tolerant.counters.mended == {"missing_value": 1, "null_field": 1}
    assert tolerant.counters.malformed == 0


def test_a_text_that_looks_like_a_hole_stays() -> None:
    tolerance = Tolerance(profiles()["aefa-home"])
    assert tolerance.frame('[2,"1","A",{"x":"\\"y\\":,","z":}]') == b'[2,"1","A",{"x":"\\"y\\":,","z":null}]'


def test_an_unknown_action_stays_unknown() -> None:
    connection = Connection(V16, tolerance=Tolerance(EVERYTHING))
    (event,) = connection.receive('[2,"1","Fly",{}]')
    assert isinstance(event, Malformed)
    assert event.error.code is ErrorCode.NOT_IMPLEMENTED


def test_profiles_are_proposed_by_make() -> None:
    assert propose("Wall Box Chargers", "PLP2-M-2-4") == ("wallbox",)
    assert propose("ABB", "TAC-W11-G5-R0") == ("abb-terra-ac",)
    assert propose("Somebody", "Else") == ()


def test_only_profiles_that_name_it_touch_a_meters_number() -> None:
    assert {name for name, p in profiles().items() if "meter_number_spelling" in p.repairs} == {"openevse"}
    assert all(msgspec.json.encode(profile) for profile in profiles().values())
