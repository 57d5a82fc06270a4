"""What every generated OCPP message inherits, and the one type that the schemas leave open (`CustomData`)."""

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

T = TypeVar("T")
MAX_VENDOR_ID = 255


def given(value: T | None) -> T | UnsetType:
    """`None` as a message says it: by leaving the field out."""
    return UNSET if value is None else value


class Payload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False,
              rename="camel"):  # fmt: skip
    """Base of all messages and their parts: immutable, snake_case here and camelCase on the wire, nothing unknown let in.

    A field that may be absent is `UNSET` when it is (never `None`: the schemas do not allow JSON null). `UNSET` is falsy.
    """


class CustomData:
    """OCPP 2.0.1 CustomDataType: `vendorId` and whatever else the vendor adds, kept as it came.

    It is the only object of OCPP 2.0.1 with open properties, so it is not a struct: `decode_hook` and `encode_hook` carry it.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        vendor = fields.get("vendorId")
        if not isinstance(vendor, str):
            raise ValueError("Expected `str` for `vendorId` in customData")
        if len(vendor) > MAX_VENDOR_ID:
            raise ValueError(f"Expected `str` of length <= {MAX_VENDOR_ID} for `vendorId` in customData")
        self.fields = fields

    @property
    def vendor_id(self) -> str:
        return str(self.fields["vendorId"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CustomData) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.vendor_id)

    def __repr__(self) -> str:
        return f"CustomData({self.fields!r})"


def decode_hook(kind: type, value: object) -> object:
    """Build the one type that msgspec does not know (msgspec turns ValueError into a ValidationError with the path)."""
    if kind is CustomData and isinstance(value, dict):
        return CustomData(value)
    raise ValueError(f"Expected `object`, got `{type(value).__name__}`")


def encode_hook(value: object) -> object:
    if isinstance(value, CustomData):
        return value.fields
    raise NotImplementedError(f"cannot encode {type(value).__name__}")
