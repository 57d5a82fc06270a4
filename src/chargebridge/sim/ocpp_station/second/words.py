"""Parts of 2.x messages that several blocks use."""

import base64
import re
from typing import cast

from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.evse import Bounds, Sample, Signed
from chargebridge.sim.ocpp_station.values import values
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import given
from chargebridge.wire.signed.envelope import wrap_oca

_NAME = re.compile(r"([^.\[@]+)(?:\[([^\]]*)\])?\.([^.\[@]+)(?:\[([^\]]*)\])?(?:@(\d+)(?:\.(\d+))?)?")


def token_of(token: str) -> v21.IdTokenType:
    return v21.IdTokenType(id_token=token, type="ISO14443")


def entry_of(info: v21.IdTokenInfoType) -> Entry:
    group = info.group_id_token.id_token if info.group_id_token else None
    return Entry(info.status, info.cache_expiry_date_time or None, group)


def bounds_of(told: v21.TransactionLimitType) -> Bounds:
    return Bounds(
        energy_wh=_number(told.max_energy), time_s=_number(told.max_time), cost=_number(told.max_cost), soc=_number(told.max_so_c)
    )


def limits_of(bounds: Bounds) -> v21.TransactionLimitType:
    return v21.TransactionLimitType(
        max_energy=given(bounds.energy_wh),
        max_time=given(None if bounds.time_s is None else int(bounds.time_s)),
        max_cost=given(bounds.cost),
        max_so_c=given(None if bounds.soc is None else int(bounds.soc)),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def meter_value(sample: Sample, measurands: str, context: v21.ReadingContextEnum) -> v21.MeterValueType | None:
    """None: none of these measurands can be told now (sampledValue must not be empty)."""
    sampled = tuple(
        v21.SampledValueType(
            value=value.value,
            context=context,
            measurand=cast(v21.MeasurandEnum, value.measurand),
            unit_of_measure=v21.UnitOfMeasureType(unit=value.unit),
            phase=given(cast(v21.PhaseEnum, f"L{value.phase}") if value.phase else None),
        )
        for value in values(sample, measurands)
    )
    return v21.MeterValueType(timestamp=sample.at, sampled_value=sampled) if sampled else None


def meter_values(sample: Sample, measurands: str, context: v21.ReadingContextEnum) -> tuple[v21.MeterValueType, ...]:
    """The same with what is signed, each at its own time."""
    plain = meter_value(sample, measurands, context)
    before = [_signed(one) for one in sample.signed if one.at < sample.at]
    return (*before, *((plain,) if plain is not None else ()), *(_signed(one) for one in sample.signed if one.at >= sample.at))


def _signed(one: Signed) -> v21.MeterValueType:
    sampled = v21.SampledValueType(
        value=float(one.energy_wh),
        context=one.context,
        measurand="Energy.Active.Import.Register",
        unit_of_measure=v21.UnitOfMeasureType(unit="Wh"),
        signed_meter_value=v21.SignedMeterValueType(
            signed_meter_data=base64.b64encode(one.record).decode(),
            signing_method="",  # the record names it
            encoding_method="OCMF",
            public_key=wrap_oca(one.public_key) if one.public_key else "",
        ),
    )
    return v21.MeterValueType(timestamp=one.at, sampled_value=(sampled,))


def name_of(component: v21.ComponentType, variable: v21.VariableType | None) -> str:
    """How `Variables` names it; without a variable the name's begin."""
    instance = f"[{component.instance}]" if component.instance else ""
    stem = f"{component.name}{instance}."
    if variable is None:
        return stem
    stem += variable.name + (f"[{variable.instance}]" if variable.instance else "")
    if not component.evse:
        return stem
    connector = component.evse.connector_id
    return f"{stem}@{component.evse.id}" + (f".{connector}" if isinstance(connector, int) else "")


def parts_of(name: str) -> tuple[v21.ComponentType, v21.VariableType]:
    """The component and variable behind one of our names."""
    found = _NAME.fullmatch(name)
    assert found is not None, name
    component, instance, variable, kind, evse, connector = found.groups()
    place = v21.EVSEType(id=int(evse), connector_id=given(int(connector) if connector else None)) if evse else None
    return (
        v21.ComponentType(name=component, instance=given(instance), evse=given(place)),
        v21.VariableType(name=variable, instance=given(kind)),
    )
