"""Requests with more elements than a station takes at once go out as several; their answers come back as one.

B05.FR.11 SetVariables, B06.FR.05 GetVariables, B08.FR.06 GetReport, N04 SetVariableMonitoring, N06.FR.04 ClearVariableMonitoring.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.abilities import Abilities

ELEMENTS = {
    "GetVariables": "getVariableData",
    "SetVariables": "setVariableData",
    "GetReport": "componentVariable",
    "SetVariableMonitoring": "setMonitoringData",
    "ClearVariableMonitoring": "id",
}
RESULTS = {
    "GetVariables": "getVariableResult",
    "SetVariables": "setVariableResult",
    "SetVariableMonitoring": "setMonitoringResult",
    "ClearVariableMonitoring": "clearMonitoringResult",
}


def split(action: str, payload: Said, abilities: Abilities) -> list[Said]:
    """The payloads to send, one after another; mostly the one that was given.

    SetVariables with an attribute of a variable twice becomes two messages, in order (B05.FR.13).
    """
    field = ELEMENTS.get(action)
    elements = payload.get(field) if field is not None else None
    if field is None or not isinstance(elements, list | tuple) or len(elements) < 2:
        return [payload]
    most = abilities.items(action) or len(elements)
    room = abilities.bytes(action)
    bare = len(msgspec.json.encode({name: value for name, value in payload.items() if name != field}))
    parts = list(_parts(elements, most, None if room is None else room - bare - len(field) - 8, once=action == "SetVariables"))
    return [payload] if len(parts) == 1 else [payload | {field: part} for part in parts]


def _parts(elements: Any, most: int, room: int | None, *, once: bool) -> Iterator[list[Any]]:
    part: list[Any] = []
    size, seen = 0, set[bytes]()
    for element in elements:
        length, key = len(msgspec.json.encode(element)) + 1, _key(element) if once else b""
        if part and (len(part) >= most or (room is not None and size + length > room) or (once and key in seen)):
            yield part
            part, size, seen = [], 0, set()
        part.append(element)
        size += length
        seen.add(key)
    yield part


def _key(element: Said) -> bytes:
    """What a SetVariableData element sets; an attribute that is left out is Actual."""
    what = [element.get("component"), element.get("variable"), element.get("attributeType", "Actual")]
    return msgspec.json.encode(what, order="deterministic").lower()


def joined(action: str, responses: list[Said]) -> Said:
    """The answers to the parts as one. Of those with a mere status the first that is no yes."""
    field = RESULTS.get(action)
    if field is not None:
        return {field: [result for response in responses for result in response.get(field, ())]}
    return next((response for response in responses if response.get("status") != "Accepted"), responses[-1])
