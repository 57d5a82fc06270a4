"""Commands to one station: worded in its version, checked against the version's schema, sent, and answered by the station itself."""

from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import Struct

from chargebridge.stations.commands import Command, GetCustomerInformation, Reply, Setpoint, UpdateSetpoint
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp import local_list, profile_rules, splitting
from chargebridge.stations.ocpp.forbidden import refusal
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.ocpp.words import NoWordError, word
from chargebridge.stations.port import Answer, Authorisation, Outcome
from chargebridge.stations.profiles import Reckoned, Unit, composite, differences
from chargebridge.wire.ocpp import v21

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation


class Comparison(Struct, frozen=True, kw_only=True):
    """A schedule as we reckon it and as the station does; limits in `unit`. differences: where they do not agree, in words."""

    unit: Unit
    ours: tuple[Reckoned, ...]
    theirs: tuple[Reckoned, ...]
    differences: tuple[str, ...]


async def call(station: "OcppStation", action: str, payload: Said) -> Reply:
    """Any action of the station's version. Raises PayloadError when the version has no such action, or not with that payload."""
    language = station.language
    if language is None:
        return Reply(outcome=Outcome.OFFLINE, detail="not heard yet, so that its OCPP version is not known", action=action, payload=payload)
    encoded = msgspec.json.encode(payload)
    language.dialect.decode_request(action, encoded)
    payload = msgspec.json.decode(encoded)  # as it goes out: what follows reads times as text
    reason = await refusal(station.abilities, action, payload) or await _forbidden(station, action, payload)
    if reason is not None:
        return Reply(outcome=Outcome.UNSUPPORTED, detail=f"not sent: {reason}", action=action, payload=payload)
    replies: list[Reply] = []
    for part in splitting.split(action, payload, station.abilities):
        replies.append(await _send(station, language, action, part))
        if replies[-1].response is None:
            break
    said = [reply.response for reply in replies if reply.response is not None]
    bad = next((reply for reply in replies if reply.outcome is not Outcome.ACCEPTED), replies[-1])
    return Reply(
        outcome=bad.outcome,
        detail=bad.detail,
        action=action,
        payload=payload,
        response=splitting.joined(action, said) if said else None,
    )


async def _forbidden(station: "OcppStation", action: str, payload: Said) -> str | None:
    """What must not be asked of this station now, by what we know besides its abilities."""
    if action == "RequestBatterySwap":
        verdict = await station.sink.authorise(station.identity, payload["idToken"]["idToken"])
        if verdict is not Authorisation.ACCEPTED:
            return f"a battery is swapped for an authorised token only, this one is {verdict} (S02.FR.03)"
    return profile_rules.refusal(station.standing, station.abilities, action, payload)


async def _send(station: "OcppStation", language: Language, action: str, payload: Said) -> Reply:
    request = language.dialect.decode_request(action, msgspec.json.encode(payload))
    result = await station.pass_down(request)
    if isinstance(result, Answer):
        return Reply(outcome=result.outcome, detail=result.detail, action=action, payload=payload)
    answer = language.answer(result)
    response: Said = msgspec.json.decode(language.dialect.encode(result))
    return Reply(outcome=answer.outcome, detail=answer.detail, action=action, payload=payload, response=response)


async def command(station: "OcppStation", wanted: Command) -> Reply:
    """UNSUPPORTED, and never sent, when the station's version has no word for it. Raises PayloadError, ValueError: it cannot be meant so."""
    language = station.language
    if language is None:
        return Reply(outcome=Outcome.OFFLINE, detail="not heard yet, so that its OCPP version is not known")
    try:
        action, payload = word(language.words, language.dialect.name, wanted)
    except NoWordError as error:
        return Reply(outcome=Outcome.UNSUPPORTED, detail=f"{language.dialect.name} cannot say this: {error}")
    reply = await call(station, action, payload)
    if reply.outcome is Outcome.ACCEPTED and isinstance(wanted, Setpoint | UpdateSetpoint) and language.dialect.name == "ocpp2.1":
        station.dynamic[wanted.profile] = _values(payload)
    if reply.outcome is Outcome.ACCEPTED and isinstance(wanted, GetCustomerInformation) and wanted.clear and wanted.token is not None:
        await local_list.take_out(station, wanted.token)
    return reply


def _values(payload: Said) -> v21.ChargingScheduleUpdateType:
    """What the station gets when it pulls, from what it was told last."""
    told = payload.get("scheduleUpdate")
    if told is None:
        period = payload["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0]
        told = {name: value for name, value in period.items() if name in ("limit", "setpoint", "dischargeLimit")}
    return msgspec.convert(told, type=v21.ChargingScheduleUpdateType)


async def compare(station: "OcppStation", evse: int, duration_s: int) -> Comparison | Answer:
    """Reckon the EVSE's schedule from what we have set, and ask the station for its own (1.6 5.7, K08)."""
    theirs = await station.composite_schedule(evse, duration_s)
    if isinstance(theirs, Answer):
        return theirs
    unit = cast(Unit, theirs.unit)
    transaction = next((name for name, at in reversed(list(station.running.items())) if at == evse), None)
    ours = composite(
        station.standing,
        evse,
        theirs.starts_at or station.now(),
        duration_s,
        unit,
        phases=station.phases(evse),
        transaction=transaction,
        started_at=None if transaction is None else station.standing.begun(transaction),
    )
    told = [Reckoned(period.start_s, period.limit) for period in theirs.periods]
    return Comparison(unit=unit, ours=tuple(ours), theirs=tuple(told), differences=tuple(differences(ours, told, duration_s, unit)))
