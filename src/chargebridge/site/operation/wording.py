"""Commands by name: from what a person enters to a value of `stations.commands`, which each version of OCPP words for itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from chargebridge.model.errors import ModelError
from chargebridge.site.operation.forms import FORMS
from chargebridge.stations import commands as c
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.ocpp.words import Worded
from chargebridge.stations.ocpp.words import word as worded
from chargebridge.stations.port import Token


class Given(Struct, frozen=True):
    """What a person entered, read with care. Raises ModelError naming the argument."""

    command: str
    arguments: dict[str, Any]
    now: datetime

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self.arguments.get(name)
        if value is None or value == "":
            if otherwise is None:
                raise self.wrong(name, "is missing", "give it")
            return otherwise
        if isinstance(value, bool | dict | list):
            raise self.wrong(name, f"{value!r} is no text", "give a text")
        return str(value).strip()

    def number(self, name: str, otherwise: int | None = None) -> int:
        text = self.text(name, None if otherwise is None else str(otherwise))
        try:
            return int(text)
        except ValueError:
            raise self.wrong(name, f"{text!r} is no whole number", "give one") from None

    def given(self, name: str) -> bool:
        return self.arguments.get(name) not in (None, "")

    def choice(self, name: str, choices: dict[str, Any], otherwise: str | None = None) -> Any:
        text = self.text(name, otherwise)
        if text not in choices:
            raise self.wrong(name, f"{text!r} is not among what can be chosen", f"give one of {', '.join(choices)}")
        return choices[text]

    def lines(self, name: str) -> list[str]:
        value = self.arguments.get(name) or []
        items = value if isinstance(value, list) else str(value).replace(",", "\n").splitlines()
        return [str(item).strip() for item in items if str(item).strip()]

    def object(self, name: str) -> dict[str, Any]:
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                value = msgspec.json.decode(value)
            except msgspec.MsgspecError as error:
                raise self.wrong(name, f"is not JSON: {error}", "give a JSON object") from None
        if not isinstance(value, dict):
            raise self.wrong(name, "is no JSON object", 'give one, such as {"stackLevel": 0, ...}')
        return value

    def wrong(self, name: str, reason: str, cure: str) -> ModelError:
        return ModelError(f"{self.command}: {name}", reason, cure)

    @property
    def request_id(self) -> int:
        return int(self.now.timestamp()) & 0x7FFFFFFF


def word(name: str, arguments: dict[str, Any], language: Language, now: datetime) -> Worded:
    """The action and payload of a named command. Raises ModelError."""
    for form in FORMS:
        if form.name == name:
            unknown = set(arguments) - {field.name for field in form.fields}
            if unknown:
                known = ", ".join(field.name for field in form.fields) or "none"
                raise ModelError(f"{name}: {min(unknown)}", "is not known here", f"its arguments are: {known}")
            given = Given(name, arguments, now)
            if name == "set_profile":
                return _set_profile(given, language)
            return say(_COMMANDS[name](given), language, name)
    raise ModelError(name, "there is no such command", f"give one of {', '.join(form.name for form in FORMS)}, or call an action")


def say(command: c.Command, language: Language, name: str) -> Worded:
    """A command in a version's words; name: what it is called here. Raises ModelError when the version cannot say it."""
    try:
        return worded(language.words, language.dialect.name, command)
    except ValueError as error:
        raise ModelError(name, f"{language.dialect.name} cannot say this: {error}", "enter it as the station's version knows it") from None


def _get_settings(given: Given) -> c.Command:
    return c.GetVariables(names=tuple(given.lines("names")))


def _report(given: Given) -> c.Command:
    kinds: dict[str, Any] = {name: name for name in ("FullInventory", "ConfigurationInventory", "SummaryInventory")}
    return c.GetReport(request=given.request_id, kind=given.choice("base", kinds, "FullInventory"))


def _log(given: Given) -> c.Command:
    kind = given.choice("kind", {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}, "diagnostics")
    return c.GetLog(request=given.request_id, location=given.text("url"), kind=kind)


def _local_list(given: Given) -> c.Command:
    full = given.choice("update", {"full": True, "differential": False}, "full")
    tokens = tuple(Token(id=token) for token in given.lines("tokens"))
    return c.SendLocalList(version=given.number("version"), tokens=tokens, full=full)


def _reserve(given: Given) -> c.Command:
    minutes = given.number("minutes", 30)
    if not 0 < minutes <= 7 * 1440:
        raise given.wrong("minutes", f"{minutes} is too few or too many", "give 1 to 10080")
    return c.ReserveNow(
        reservation=given.number("reservation", given.request_id),
        token=Token(id=given.text("token")),
        expires_at=given.now.replace(microsecond=0) + timedelta(minutes=minutes),
        evse=given.number("evse", 1),
    )


def _set_profile(given: Given, language: Language) -> Worded:
    """The profile is entered as the version writes it."""
    evse, profile = given.number("evse", 0), given.object("profile")
    if language.dialect.name == "ocpp1.6":
        return "SetChargingProfile", {"connectorId": evse, "csChargingProfiles": profile}
    return "SetChargingProfile", {"evseId": evse, "chargingProfile": profile}


_COMMANDS: dict[str, Callable[[Given], c.Command]] = {
    "reset": lambda given: c.Reset(
        hard=given.choice("how", {"soft": False, "hard": True}, "soft"), evse=given.number("evse") if given.given("evse") else None
    ),
    "unlock": lambda given: c.UnlockConnector(evse=given.number("evse", 1), connector=given.number("connector", 1)),
    "trigger": lambda given: c.Trigger(message=given.text("message"), evse=given.number("evse") if given.given("evse") else None),
    "availability": lambda given: c.ChangeAvailability(
        operative=given.choice("state", {"operative": True, "inoperative": False}), evse=given.number("evse", 0)
    ),
    "get_settings": _get_settings,
    "set_setting": lambda given: c.SetVariables(values={given.text("name"): given.text("value", "")}),
    "report": _report,
    "get_log": _log,
    "clear_cache": lambda _: c.ClearCache(),
    "local_list": _local_list,
    "local_list_version": lambda _: c.GetLocalListVersion(),
    "reserve": _reserve,
    "cancel_reservation": lambda given: c.CancelReservation(reservation=given.number("reservation")),
    "start": lambda given: c.RemoteStart(
        request=given.request_id, evse=given.number("evse", 1), token=Token(id=given.text("token"), kind="Central")
    ),
    "stop": lambda given: c.RemoteStop(transaction=given.text("transaction")),
    "clear_profile": lambda given: c.ClearProfiles(id=given.number("profile")),
    "schedule": lambda given: c.GetCompositeSchedule(evse=given.number("evse", 1), duration_s=given.number("duration", 3600)),
}
