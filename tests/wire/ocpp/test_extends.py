"""2.1 only adds to 2.0.1: whatever is right in 2.0.1's types is right in 2.1, so that `Language21` need only say what is new."""

from typing import Any

import msgspec
import pytest
from msgspec import inspect

from chargebridge.wire.ocpp import V21, V201, v21, v201

# Asked for by 2.1 and not there in 2.0.1; both only in what a station says, never in what is said to it.
NEW_AND_REQUIRED = {("VariableMonitoringType", "event_notification_type")}


def narrower(older: inspect.Type, newer: inspect.Type, where: str) -> list[str]:
    """What the older type lets through and the newer does not. Numbers below zero are left out: no id or count of 2.0.1 is meant so."""
    match older, newer:
        case inspect.UnionType(), inspect.UnionType():
            return narrower(_main(older), _main(newer), where)
        case _, inspect.UnionType():
            return narrower(older, _main(newer), where)
        case inspect.StructType(), inspect.StructType():
            return _fields(older.cls, newer.cls, where)
        case inspect.LiteralType(), inspect.LiteralType():
            return [] if set(older.values) <= set(newer.values) else [where]
        case inspect.LiteralType(), inspect.StrType():
            return [] if newer.max_length is None or max(map(len, map(str, older.values))) <= newer.max_length else [where]
        case inspect.StrType(), inspect.StrType():
            return [] if (older.max_length or 10**9) <= (newer.max_length or 10**9) else [where]
        case inspect.VarTupleType(), inspect.VarTupleType():
            fewer = (older.max_length or 10**9) > (newer.max_length or 10**9) or (older.min_length or 0) < (newer.min_length or 0)
            return ([where] if fewer else []) + narrower(older.item_type, newer.item_type, where)
        case inspect.IntType(), inspect.IntType() | inspect.FloatType():
            return [] if newer.le in (None, 3, 100) else [where]  # phases, per cent
        case _:
            return [] if type(older) is type(newer) else [where]


def _main(kind: inspect.Type) -> inspect.Type:
    """Of `X | UnsetType`, X."""
    if isinstance(kind, inspect.UnionType):
        return next(part for part in kind.types if not (isinstance(part, inspect.CustomType) and part.cls is msgspec.UnsetType))
    return kind


def _fields(older: Any, newer: Any, where: str) -> list[str]:
    old, new = ({field.name: field for field in inspect.type_info(kind).fields} for kind in (older, newer))  # type: ignore[attr-defined]
    wrong = [f"{where}.{name} is gone" for name in old if name not in new]
    wrong += [
        f"{where}.{name} must be said"
        for name in new
        if new[name].required and name not in old and (older.__name__, name) not in NEW_AND_REQUIRED
    ]
    for name in old.keys() & new.keys():
        if new[name].required and not old[name].required:
            wrong.append(f"{where}.{name} may no longer be left out")
        assert old[name].encode_name == new[name].encode_name
        if name != "custom_data":
            wrong += narrower(_main(old[name].type), _main(new[name].type), f"{where}.{name}")
    return wrong


@pytest.mark.parametrize("action", V201.messages)
@pytest.mark.ocpp("2.1", "J3.2")
def test_a_message_of_2_0_1_is_one_of_2_1(action: str) -> None:
    for older, newer in zip(V201.messages[action], V21.messages[action], strict=True):
        assert _fields(older, newer, older.__name__) == []


def test_a_request_in_the_older_type_is_known_and_read_as_the_newer() -> None:
    request = v201.ClearChargingProfileRequest(charging_profile_id=7)
    assert V21.action(request) == "ClearChargingProfile"
    assert isinstance(V21.decode_request("ClearChargingProfile", V21.encode(request)), v21.ClearChargingProfileRequest)
    with pytest.raises(KeyError):
        V201.action(v21.HeartbeatRequest())
