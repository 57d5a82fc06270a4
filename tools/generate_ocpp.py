"""Generate `wire/ocpp/v16.py`, `v201.py` and `v21.py` from the JSON schemas in the development dependency PyPI `ocpp`.

The schemas are the Open Charge Alliance's (CC BY-ND 4.0). They are read where the package manager put them and never
committed; the generated types carry names, shapes and bounds and none of the description texts.

    python tools/generate_ocpp.py           write all modules
    python tools/generate_ocpp.py --check   exit 1 when a committed module differs

Each schema object becomes a frozen msgspec Struct, each enum a `Literal`, each bound a `Meta`, and each module ends in a
table `MESSAGES: action -> (request, response)`; messages that are never answered (OCPP 2.1, SEND) stand in `SENT`. A further version or
edition is one more line in `VERSIONS`.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

Schema = dict[str, Any]
TARGET = Path(__file__).resolve().parent.parent / "src" / "chargebridge" / "wire" / "ocpp"


class Version(NamedTuple):
    module: str  # our module, and the package's schema folder
    title: str


VERSIONS = (
    Version("v16", "OCPP 1.6 with the security extensions"),
    Version("v201", "OCPP 2.0.1"),
    Version("v21", "OCPP 2.1"),
)

# Names that OCPP 1.6 gives in part 2, chapter 7 to what its schemas leave anonymous: property (or Owner.property) -> type.
NAMES_16 = {
    "csChargingProfiles": "ChargingProfile",
    "chargingProfile": "ChargingProfile",
    "transactionData": "MeterValue",
    "context": "ReadingContext",
    "format": "ValueFormat",
    "unit": "UnitOfMeasure",
    "reason": "Reason",
    "configurationKey": "KeyValue",
    "localAuthorizationList": "AuthorizationData",
    "errorCode": "ChargePointErrorCode",
    "IdTagInfo.status": "AuthorizationStatus",
    "BootNotificationResponse.status": "RegistrationStatus",
    "StatusNotificationRequest.status": "ChargePointStatus",
    "ChangeAvailabilityRequest.type": "AvailabilityType",
    "ResetRequest.type": "ResetType",
    "TriggerMessageRequest.requestedMessage": "MessageTrigger",
}


def schema_folder(version: Version) -> Path:
    spec = importlib.util.find_spec("ocpp")
    if spec is None or spec.origin is None:
        raise SystemExit("the PyPI package `ocpp` is not installed; it is a development dependency: run `make venv`")
    return Path(spec.origin).parent / version.module / "schemas"


def load(version: Version) -> dict[str, Schema]:
    """Message name (`AuthorizeRequest`) -> schema, with the package's deviations from the official files undone."""
    schemas: dict[str, Schema] = {}
    for path in sorted(schema_folder(version).glob("*.json")):
        name = path.stem if path.stem.endswith(("Request", "Response")) else path.stem + "Request"
        schemas[name] = json.loads(path.read_text(encoding="utf-8-sig"))
    return corrected_16(schemas) if version.module == "v16" else schemas


def corrected_16(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """One SampledValue for both messages that carry it.

    The package adds the unit `Hertz` (OCPP 1.6 errata) and `minItems: 1` to MeterValues but not to StopTransaction. Taken
    here: `Hertz` in both, `minItems` in neither, because stations send empty lists and the official schema lets them.
    """
    meter_value = schemas["MeterValuesRequest"]["properties"]["meterValue"]
    meter_value.pop("minItems", None)
    meter_value["items"]["properties"]["sampledValue"].pop("minItems", None)
    schemas["StopTransactionRequest"]["properties"]["transactionData"]["items"] = meter_value["items"]
    return schemas


def snake(name: str) -> str:
    """`responderURL` -> `responder_url`, `iso15118SchemaVersion` -> `iso15118_schema_version`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return words.lower()


def camel(name: str) -> str:
    """What msgspec's `rename="camel"` makes of a snake_case name."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]


class Module:
    """Collects the types of one version in dependency order; types of one name and shape are emitted once."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.lines: dict[str, list[str]] = {}  # type name -> its source
        self.strings: set[int] = set()  # the max_length aliases in use
        self.definitions: dict[str, Schema] = {}

    def add(self, name: str, owner: str, lines: list[str]) -> str:
        """Keep a type; when the name already means something else, the owner's name goes before it."""
        key = [line.replace(name, "*", 1) if index == 0 else line for index, line in enumerate(lines)]
        for candidate in (name, owner + name):
            known = self.lines.get(candidate)
            if known is None:
                self.lines[candidate] = [key[0].replace("*", candidate, 1), *key[1:]]
                return candidate
            if [known[0].replace(candidate, "*", 1), *known[1:]] == key:
                return candidate
        raise SystemExit(f"{self.version.module}: two different types want the name {owner + name}")

    def message(self, name: str, schema: Schema) -> None:
        self.definitions = schema.get("definitions", {})
        self.struct(name, name, schema)

    def struct(self, name: str, message: str, schema: Schema) -> str:
        required = schema.get("required", [])
        fields = [self.field(name, message, wire, part, wire in required)
                  for wire, part in schema.get("properties", {}).items()]  # fmt: skip
        head = f"class {name}(Payload, frozen=True, kw_only=True, gc=False):"
        return self.add(name, message.removesuffix("Request"), [head, *(fields or ["    pass"])])

    def field(self, owner: str, message: str, wire: str, part: Schema, required: bool) -> str:
        kind = self.kind(owner, message, wire, part)
        target = self.definitions.get(part["$ref"].rsplit("/", 1)[1], {}) if "$ref" in part else {}
        default = part.get("default", target.get("default"))
        name = snake(wire)
        options = [] if camel(name) == wire else [f'name="{wire}"']
        if not required and default is None:
            kind += " | UnsetType"
        value = None if required else "UNSET" if default is None else literal(default, part)
        if options:
            options += [] if value is None else [f"default={value}"]
            value = f"field({', '.join(reversed(options))})"
        return f"    {name}: {kind}" + (f" = {value}" if value else "")

    def kind(self, owner: str, message: str, wire: str, part: Schema) -> str:
        """The Python type of one property."""
        if "$ref" in part:
            return self.definition(part["$ref"].rsplit("/", 1)[1], message)
        if "enum" in part:
            return self.enum(self.type_name(owner, wire), message, part)
        match part.get("type"):
            case "object":
                return self.struct(self.type_name(owner, wire), message, part)
            case "array":
                item = self.kind(owner, message, wire, part["items"])
                bounds = {"min_length": part.get("minItems"), "max_length": part.get("maxItems")}
                return annotated(f"tuple[{item}, ...]", bounds)
            case "string" if part.get("format") == "date-time":
                return "datetime"
            case "string" if "maxLength" in part:
                self.strings.add(part["maxLength"])
                return f"Str{part['maxLength']}"
            case "number":
                return annotated("float", {"ge": part.get("minimum"), "le": part.get("maximum")})
            case "string":
                return "str"
            case "integer":
                bounds = {"ge": part.get("minimum"), "le": part.get("maximum")}  # written as 0.0 in the schemas
                return annotated("int", {name: None if bound is None else int(bound) for name, bound in bounds.items()})
            case "boolean":
                return "bool"
            case None:
                return "Any"
            case other:
                raise SystemExit(f"{message}.{wire}: unknown JSON type {other!r}")

    def definition(self, reference: str, message: str) -> str:
        if reference == "CustomDataType":
            return "CustomData"
        schema = self.definitions[reference]
        name = reference.removesuffix("Type").removesuffix("Enum")
        if "enum" in schema:
            return self.enum(name + "Enum", message, schema)
        return self.struct(name + "Type", message, schema)

    def enum(self, name: str, message: str, schema: Schema) -> str:
        values = ", ".join(f'"{value}"' for value in schema["enum"])
        return self.add(name, message.removesuffix("Request"), [f"{name} = Literal[{values}]"])

    def type_name(self, owner: str, wire: str) -> str:
        known = NAMES_16.get(f"{owner}.{wire}") or NAMES_16.get(wire)
        if known:
            return known
        return owner.removesuffix("Request") + pascal(wire) if wire in ("status", "type") else pascal(wire)


def literal(value: Any, part: Schema) -> str:
    if isinstance(value, str) and part.get("type") in ("integer", "number"):
        value = json.loads(value)
    return f'"{value}"' if isinstance(value, str) else repr(value)


def annotated(kind: str, bounds: dict[str, Any]) -> str:
    meta = ", ".join(f"{name}={bound!r}" for name, bound in bounds.items() if bound is not None)
    return f"Annotated[{kind}, Meta({meta})]" if meta else kind


def generate(version: Version) -> str:
    """The whole text of one module."""
    module = Module(version)
    schemas = load(version)
    for name, schema in schemas.items():
        module.message(name, schema)
    requests = [name.removesuffix("Request") for name in schemas if name.endswith("Request")]
    actions = [action for action in requests if f"{action}Response" in schemas]
    sent = "\n".join(f'    "{action}": {action}Request,' for action in requests if action not in actions)
    body = "\n\n\n".join("\n".join(lines) for lines in module.lines.values() if lines[0].startswith("class"))
    enums = "\n".join(lines[0] for lines in module.lines.values() if not lines[0].startswith("class"))
    strings = "\n".join(f"Str{n} = Annotated[str, Meta(max_length={n})]" for n in sorted(module.strings))
    table = "\n".join(f'    "{action}": ({action}Request, {action}Response),' for action in actions)
    named = [word for word in ("Any", "Literal") if re.search(rf"\b{word}\b", body + enums)]
    uses_field = ["field"] if "field(" in body else []
    return (
        f'"""{version.title}: {len(requests)} actions as typed structs. Generated by tools/generate_ocpp.py; do not edit."""\n\n'
        "from datetime import datetime\n"
        f"from typing import {', '.join(['Annotated', *named])}\n\n"
        f"from msgspec import {', '.join(['UNSET', 'Meta', 'UnsetType', *uses_field])}\n\n"
        f"from chargebridge.wire.ocpp.payload import {'CustomData, ' if 'CustomData' in body else ''}Payload\n\n"
        f"{strings}\n\n{enums}\n\n\n{body}\n\n\n"
        f"MESSAGES: dict[str, tuple[type[Payload], type[Payload]]] = {{\n{table}\n}}\n"
        + (f"SENT: dict[str, type[Payload]] = {{\n{sent}\n}}\n" if sent else "")
    )


def main(arguments: list[str]) -> int:
    changed = 0
    for version in VERSIONS:
        path, text = TARGET / f"{version.module}.py", generate(version)
        if path.exists() and path.read_text() == text:
            continue
        changed += 1
        if "--check" in arguments:
            print(f"{path.name} differs from what the schemas give; run `python tools/generate_ocpp.py`")
        else:
            path.write_text(text)
            print(f"wrote {path.name}")
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
