"""Passwords and key codes that go over the line stay out of what is written down."""

from typing import Any

import msgspec

NAMED = frozenset({"AuthorizationKey", "BasicAuthPassword", "SharedSecret"})
"""The configuration key of 1.6 and the variable of 2.x whose values are passwords."""
FIELDS = frozenset({"basicAuthPassword", "apnPassword", "vpnPassword", "password"})
VALUES = ("value", "attributeValue")
HIDDEN = "(not kept)"


def hidden(value: Any) -> Any:
    """The same JSON value with the passwords in it replaced."""
    if isinstance(value, list):
        return [hidden(item) for item in value]
    if not isinstance(value, dict):
        return value
    variable = value.get("variable")
    names = (value.get("key"), variable.get("name") if isinstance(variable, dict) else None)
    secret = any(isinstance(name, str) and name in NAMED for name in names)
    fields = FIELDS | {"key"} if "server" in value else FIELDS  # the key of a VPN, not the name of a setting
    if value.get("type") == "KeyCode":
        fields |= {"idToken"}  # what a driver types in is as good as a password (2.x C04.FR.04)
    return {
        name: HIDDEN if (name in fields and isinstance(inner, str)) or (secret and name in VALUES) else hidden(inner)
        for name, inner in value.items()
    }


def without_secrets(frame: str) -> str:
    """A frame's text without them. What cannot be read is left out as a whole: who knows what is in it."""
    try:
        return msgspec.json.encode(hidden(msgspec.json.decode(frame))).decode()
    except (msgspec.MsgspecError, RecursionError):
        return HIDDEN
