"""The generated types are what the schemas say: committed as generated, and accepting what the schemas accept."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargebridge.wire.ocpp import V16, V21, V201, Dialect, ErrorCode, PayloadError

ROOT = Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("generate_ocpp", ROOT / "tools" / "generate_ocpp.py")
assert _spec is not None
assert _spec.loader is not None
generate_ocpp = importlib.util.module_from_spec(_spec)
sys.modules["generate_ocpp"] = generate_ocpp
_spec.loader.exec_module(generate_ocpp)

DIALECTS = dict(zip(generate_ocpp.VERSIONS, (V16, V201, V21), strict=True))
MESSAGES = [(version, name) for version in generate_ocpp.VERSIONS for name in generate_ocpp.load(version)]
SCHEMAS = {version: generate_ocpp.load(version) for version in generate_ocpp.VERSIONS}
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "2"))
"""Of each message in each direction; `make soak` tries 100."""
text = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize("version", generate_ocpp.VERSIONS, ids=lambda version: version.module)
def test_committed_as_generated(version: Any) -> None:
    assert (generate_ocpp.TARGET / f"{version.module}.py").read_text() == generate_ocpp.generate(version)


def instances(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows, for the few keywords that OCPP's schemas use."""
    if "$ref" in schema:
        return instances(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            parts = {name: instances(part, definitions) for name, part in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {name: part for name, part in parts.items() if name in required},
                optional={name: part for name, part in parts.items() if name not in required},
            )
        case "array":
            low = schema.get("minItems", 0)
            return st.lists(instances(schema["items"], definitions), min_size=low, max_size=low + 2)
        case "string" if schema.get("format") == "date-time":
            return st.datetimes().map(lambda moment: moment.isoformat() + "Z")
        case "string":
            return st.text(st.characters(codec="utf-8"), max_size=min(schema.get("maxLength", 40), 40))
        case "integer":
            return st.integers(int(schema.get("minimum", -(2**31))), int(schema.get("maximum", 2**31)))
        case "number":
            low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
            return st.integers(int(low * 10), int(high * 10)).map(lambda tenths: tenths / 10)
        case "boolean":
            return st.booleans()
    return st.none() | st.integers() | text


def decode(dialect: Dialect, name: str, payload: bytes) -> Any:
    action = name.removesuffix("Request").removesuffix("Response")
    if action in dialect.sent:
        return dialect.decode_sent(action, payload)
    return dialect.decode_request(action, payload) if name.endswith("Request") else dialect.decode_response(action, payload)


def plain(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """An instance with its times normalised and its defaults filled in, so that equal meanings are equal."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return plain(value, target, definitions)
    if isinstance(value, dict) and "properties" in schema:
        result = {}
        for name, part in schema["properties"].items():
            target = definitions.get(part.get("$ref", "").rsplit("/", 1)[-1], {})
            if name in value:
                result[name] = plain(value[name], part, definitions)
            elif "default" in part or "default" in target:
                default = part.get("default", target.get("default"))
                result[name] = default
        return result | {name: other for name, other in value.items() if name not in schema["properties"]}
    if isinstance(value, list):
        return [plain(item, schema["items"], definitions) for item in value]
    if schema.get("format") == "date-time":
        return value.rstrip("Z").rstrip("0").rstrip(".")
    return value


@pytest.mark.parametrize(
    ("version", "name"),
    [pytest.param(*one, marks=[] if place % 3 == 0 else [pytest.mark.slow]) for place, one in enumerate(MESSAGES)],
    ids=lambda value: getattr(value, "module", value),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_schema_allows_goes_round(version: Any, name: str, data: st.DataObject) -> None:
    schema, dialect = SCHEMAS[version][name], DIALECTS[version]
    definitions = schema.get("definitions", {})
    instance = data.draw(instances(schema, definitions))
    message = decode(dialect, name, json.dumps(instance).encode())
    again = json.loads(dialect.encode(message))
    assert plain(again, schema, definitions) == plain(instance, schema, definitions)
    jsonschema.validate(again, _without_multiple_of(schema))


def _without_multiple_of(schema: Any) -> Any:
    """`multipleOf: 0.1` is a trap in binary floating point; the types leave it out, and so does the comparison."""
    if isinstance(schema, dict):
        return {key: _without_multiple_of(value) for key, value in schema.items() if key != "multipleOf"}
    return [_without_multiple_of(item) for item in schema] if isinstance(schema, list) else schema


@st.composite
def spoiled(draw: st.DrawFn, instance: Any) -> Any:
    """The instance with one value somewhere in it exchanged, removed or added."""
    if isinstance(instance, dict) and instance and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(instance)))
        return instance | {key: draw(spoiled(instance[key]))}
    if isinstance(instance, list) and instance and draw(st.integers(0, 3)):
        return [draw(spoiled(instance[0])), *instance[1:]]
    if isinstance(instance, dict):
        kept = {key: value for key, value in instance.items() if draw(st.booleans())}
        return draw(st.sampled_from([kept, instance | {"unknownField": 1}]))
    return draw(st.sampled_from([None, True, -1, 10**9, "x" * 60_000, [], {}, [1], "2026-13-01T00:00:00Z"]))


@pytest.mark.parametrize(("version", "name"), MESSAGES, ids=lambda value: getattr(value, "module", value))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_never_looser_than_the_schema(version: Any, name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[version][name]
    instance = data.draw(instances(schema, schema.get("definitions", {})).flatmap(spoiled))
    error = refusal(DIALECTS[version], name, json.dumps(instance).encode())
    if error is None:
        jsonschema.validate(instance, _without_multiple_of(schema))
    else:
        assert error.position.startswith("$")
        assert error.reason
        assert error.cure


def refusal(dialect: Dialect, name: str, payload: bytes) -> PayloadError | None:
    try:
        decode(dialect, name, payload)
    except PayloadError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("payload", "code", "position"),
    [
        ("{}", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "$[3]"),
        ('{"idTag":5}', ErrorCode.TYPE_CONSTRAINT_VIOLATION, "$[3].idTag"),
        ('{"idTag":null}', ErrorCode.TYPE_CONSTRAINT_VIOLATION, "$[3].idTag"),
        ('{"idTag":"' + "x" * 21 + '"}', ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "$[3].idTag"),
        ('{"idTag":"x","y":1}', ErrorCode.FORMAT_VIOLATION, "$[3]"),
        ('{"idTag":"x"', ErrorCode.FORMAT_VIOLATION, "$[3]"),
    ],
)
@pytest.mark.ocpp("1.6", "J4.2.3")
@pytest.mark.ocpp("2.0.1", "J4.3")
@pytest.mark.ocpp("2.1", "J4.3")
def test_errors_say_what_and_where(payload: str, code: ErrorCode, position: str) -> None:
    with pytest.raises(PayloadError) as caught:
        V16.decode_request("Authorize", payload.encode())
    assert (caught.value.code, caught.value.position) == (code, position)


@pytest.mark.ocpp("2.0.1", "J9")
def test_custom_data_is_kept_and_checked() -> None:
    payload = b'{"customData":{"vendorId":"x","more":[1,{"a":2}]}}'
    message = V201.decode_request("Heartbeat", payload)
    assert message.custom_data.vendor_id == "x"  # type: ignore[attr-defined]
    assert V201.encode(message) == payload
    for bad in (b"{}", b'{"vendorId":5}', b"5", b'{"vendorId":"' + b"x" * 256 + b'"}'):
        with pytest.raises(PayloadError):
            V201.decode_request("Heartbeat", b'{"customData":' + bad + b"}")
