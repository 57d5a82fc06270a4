"""A frame as a person reads it in a trace: who speaks to whom, what about, the value in a line. For frames of any peer, also broken ones.

It looks at trees and knows no more of a function than how to put it shortly, so that what is not declared, or breaks a rule, still shows.
"""

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.ship import messages
from chargebridge.wire.eebus.spine.errors import ErrorNumber

MAX_VALUE = 240
"""Characters of a value in words."""
ASKED = 256
"""Requests whose results may still come, of one peer and direction."""
SHIP, UNREADABLE = "ship", "unreadable"


class Readable(Struct, frozen=True, kw_only=True):
    """classifier: of a SPINE datagram, or "ship", or "unreadable". function: the SPINE function or the SHIP message; of a result the one asked for.
    source, destination: "entity:feature", as "1.1:3". result: "ok", or what went wrong; "" where the frame tells no outcome."""

    classifier: str
    function: str
    source: str = ""
    destination: str = ""
    value: str = ""
    result: str = ""


class Reader:
    """Reads the frames of one connection, in their order: a result names only the counter of what it answers."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[bool, int], str] = OrderedDict()

    def read(self, frame: bytes, *, incoming: bool) -> Readable:
        """One frame, with its type byte. Never raises: what cannot be read says why."""
        try:
            message = messages.decode(frame)
            if isinstance(message, messages.Data):
                return self._datagram(json.decode(message.payload), incoming)
        except EebusError as error:
            return Readable(classifier=UNREADABLE, function="", value=_clip(f"{error.position}: {error.reason}"), result=error.cure)
        return _ship(message)

    def _datagram(self, message: dict[str, Any], incoming: bool) -> Readable:
        body = _dict(message.get("datagram"))
        header, cmd = _dict(body.get("header")), _dict(_first(_dict(body.get("payload")).get("cmd")))
        classifier = str(header.get("cmdClassifier", "?"))
        function = next((name for name in cmd if name not in ("function", "filter")), str(cmd.get("function", "")))
        counter, reference = header.get("msgCounter"), header.get("msgCounterReference")
        if isinstance(counter, int) and (classifier in ("read", "write", "call") or header.get("ackRequest") is True):
            self._asked[incoming, counter] = function
            while len(self._asked) > ASKED:
                self._asked.popitem(last=False)
        result = ""
        if function == "resultData":
            result = _result(_dict(cmd[function]))
            function = self._asked.pop((not incoming, reference), "") if isinstance(reference, int) else ""
            value = ""
        else:
            value = "" if classifier == "read" else _filtered(cmd) + short(function, cmd.get(function))
        return Readable(
            classifier=classifier,
            function=function,
            source=_feature(header.get("addressSource")),
            destination=_feature(header.get("addressDestination")),
            value=_clip(value),
            result=result,
        )


def short(function: str, data: Any) -> str:
    """The data of a function in a line."""
    tell = _TOLD.get(function)
    if tell is not None and isinstance(data, dict):
        return tell(data)
    inner = next(iter(data.values())) if isinstance(data, dict) and len(data) == 1 else None
    return _plain(inner if isinstance(inner, list) else data)  # the entries of a list, without the name that all of them have


def _ship(message: messages.Message) -> Readable:
    name = type(message).__name__
    function = name[0].lower() + name[1:]
    value = ""
    match message:
        case messages.ConnectionHello():
            waits = "" if message.waiting is None else f", waits {message.waiting / 1000:g} s"
            value = message.phase.value + waits + (", asks for more time" if message.prolongation_request else "")
        case messages.MessageProtocolHandshake():
            value = f"{message.handshake_type.value} {message.version.major}.{message.version.minor} {' '.join(message.formats.format)}"
        case messages.MessageProtocolHandshakeError():
            value = f"error {message.error}"
        case messages.ConnectionPinState():
            value = message.pin_state.value
        case messages.AccessMethods():
            value = message.id or "no id"
        case messages.ConnectionClose():
            value = ", ".join(part for part in (message.phase.value, message.reason) if part)
    return Readable(classifier=SHIP, function=function, value=_clip(value))


def _result(data: dict[str, Any]) -> str:
    number, said = data.get("errorNumber"), str(data.get("description") or "")
    if number == 0:
        return "ok"
    meaning = next((one.name.lower().replace("_", " ") for one in ErrorNumber if one == number), "not known")
    return _clip(f"error {number}, {meaning}" + (f": {said}" if said else ""))


def _filtered(cmd: dict[str, Any]) -> str:
    """How a restricted exchange changes what is there: "part" where only what it has is meant, "delete" for what is to go."""
    kinds = [word for one in _list(cmd.get("filter")) for word in _dict(_dict(one).get("cmdControl"))]
    said = "".join(f"{'part' if kind == 'partial' else kind}, " for kind in dict.fromkeys(kinds))
    return said[:-2] + ": " if said else ""


def _feature(address: Any) -> str:
    found = _dict(address)
    entity = ".".join(map(str, _list(found.get("entity"))))
    return f"{entity}:{found['feature']}" if entity and "feature" in found else entity


# Functions


def _limits(data: Any) -> str:
    return "; ".join(_limit(_dict(one)) for one in _list(data.get("loadControlLimitData")))


def _limit(one: dict[str, Any]) -> str:
    told = []
    if "value" in one:
        told.append(_number(one["value"]))
    if "isLimitActive" in one:
        told.append("active" if one["isLimitActive"] else "not active")
    if end := _dict(one.get("timePeriod")).get("endTime"):
        told.append(f"for {end}")
    return f"limit {one.get('limitId', '?')}: {', '.join(told)}"


def _keys(data: Any) -> str:
    return "; ".join(
        f"key {_dict(one).get('keyId', '?')}: {_chosen(_dict(one).get('value'))}"
        for one in _list(data.get("deviceConfigurationKeyValueData"))
    )


def _chosen(value: Any) -> str:
    inner = next(iter(_dict(value).values()), "")
    return _number(inner) if isinstance(inner, dict) else _word(inner)


def _heartbeat(data: Any) -> str:
    return f"number {data.get('heartbeatCounter', '?')}, next within {data.get('heartbeatTimeout', '?')}"


def _measurements(data: Any) -> str:
    return "; ".join(
        f"{_dict(one).get('measurementId', '?')}: {_number(_dict(one).get('value'))}"
        + ("" if _dict(one).get("valueState", "normal") == "normal" else f" ({_dict(one)['valueState']})")
        for one in _list(data.get("measurementData"))
    )


def _discovery(data: Any) -> str:
    described = _dict(_dict(data.get("deviceInformation")).get("description"))
    entities = [_dict(_dict(one).get("description")) for one in _list(data.get("entityInformation"))]
    told = [str(part) for part in (_dict(described.get("deviceAddress")).get("device"), described.get("deviceType")) if part]
    for one in entities:
        number = ".".join(map(str, _list(_dict(one.get("entityAddress")).get("entity"))))
        if number != "0":
            told.append(" ".join(filter(None, (f"[{number}]", one.get("entityType"), one.get("lastStateChange")))))
    features = len(_list(data.get("featureInformation")))
    return ", ".join(told) + (f", {features} features" if features else "")


def _use_cases(data: Any) -> str:
    told = []
    for info in _list(data.get("useCaseInformation")):
        supports = _list(_dict(info).get("useCaseSupport"))
        told.append(f"{_dict(info).get('actor', '?')}: {', '.join(str(_dict(one).get('useCaseName')) for one in supports)}")
    return "; ".join(told)


def _pair(key: str) -> Callable[[Any], str]:
    def told(data: Any) -> str:
        request = _dict(data.get(key))
        addresses = f"{_feature(request.get('clientAddress'))} at {_feature(request.get('serverAddress'))}"
        return f"{request.get('serverFeatureType', '')} {addresses}".strip()

    return told


_TOLD: dict[str, Callable[[Any], str]] = {
    "loadControlLimitListData": _limits,
    "deviceConfigurationKeyValueListData": _keys,
    "deviceDiagnosisHeartbeatData": _heartbeat,
    "measurementListData": _measurements,
    "nodeManagementDetailedDiscoveryData": _discovery,
    "nodeManagementUseCaseData": _use_cases,
    "nodeManagementSubscriptionRequestCall": _pair("subscriptionRequest"),
    "nodeManagementSubscriptionDeleteCall": _pair("subscriptionDelete"),
    "nodeManagementBindingRequestCall": _pair("bindingRequest"),
    "nodeManagementBindingDeleteCall": _pair("bindingDelete"),
}


def _plain(value: Any) -> str:
    """Any other data: names with values, the inner ones in brackets."""
    if isinstance(value, dict):
        if value.keys() <= {"number", "scale"}:
            return _number(value)
        return ", ".join(name if inner in ({}, []) else f"{name} {_nested(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "; ".join(_plain(one) for one in value)
    return _word(value)


def _nested(value: Any) -> str:
    told = _plain(value)
    return f"({told})" if isinstance(value, dict | list) and not (isinstance(value, dict) and value.keys() <= {"number", "scale"}) else told


def _number(value: Any) -> str:
    """A ScaledNumber as people write it."""
    found = _dict(value)
    number, scale = found.get("number"), found.get("scale", 0)
    if not isinstance(number, int) or not isinstance(scale, int) or abs(scale) > 30:
        return "no value"
    return f"{Decimal(number).scaleb(scale).normalize():f}"


def _word(value: Any) -> str:
    return {True: "yes", False: "no", None: ""}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _clip(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
