"""What OPEV and OSCEV have in common: a limit of current for each phase of a car (OPEV 1.0.1 and OSCEV 1.0.1, clause 3).

The limits of both stand in one LoadControl list of the EV entity. Which phase a limit is of is said by three lists together:

    limit description    limitId, measurementId, category, scope    (LoadControl)
    parameter            measurementId, phase, parameterId          (ElectricalConnection)
    permitted values     parameterId, pause, min, max               (ElectricalConnection)

A limit that is not active says "as much as you can"; to stop a car, the pause value is written, which is 0 A or nearly so. Below ``min_a`` a car
cannot charge, so that a limit there is a pause too.

Deviations of products that are taken: lists with limits of other use cases between (Elli), no permitted values at all (Elli), no limit type or
direction, a list that can be written as a whole only (Porsche), or that says otherwise and refuses parts with error 8.
"""

from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine import update
from chargebridge.wire.eebus.spine.datagram import PARTIAL, Cmd, command
from chargebridge.wire.eebus.spine.functions.common import scaled, told
from chargebridge.wire.eebus.spine.functions.load_control import (
    LoadControlLimitData,
    LoadControlLimitDescriptionListData,
    LoadControlLimitListData,
)
from chargebridge.wire.eebus.spine.functions.measurement import (
    ElectricalConnectionParameterDescriptionListData,
    ElectricalConnectionPermittedValueSetData,
    ElectricalConnectionPermittedValueSetListData,
)
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice, RemoteFeature
from chargebridge.wire.eebus.usecases.kind import DESCRIPTIONS, LIMITS
from chargebridge.wire.eebus.usecases.quantities import PARAMETERS
from chargebridge.wire.eebus.usecases.reading import said

VERSION, SCENARIOS = "1.0.1", (1, 2, 3)
"""Limits, heartbeat of the CEM, error state of the CEM; all three are mandatory."""
PERMITTED = "electricalConnectionPermittedValueSetListData"
LIMIT_TYPE, DIRECTION = "maxValueLimit", "consume"
FEATURES = {"ElectricalConnection": (PARAMETERS, PERMITTED), "LoadControl": (DESCRIPTIONS, LIMITS)}
"""What a CEM reads; LoadControl it binds too."""
ZERO = Decimal(0)
LEAST_A = Decimal(6)
"""Below it no car charges (IEC 61851-1)."""

PerPhase = tuple[Decimal | None, Decimal | None, Decimal | None]
"""L1, L2, L3. As a wish None means no limit; as a measured value that there is none."""


class CurrentLimit(msgspec.Struct, frozen=True):
    """One of the two use cases; category and scope tell its limits from the other's."""

    name: str
    category: str
    scope: str


class Permitted(msgspec.Struct, frozen=True):
    """What currents a phase can have, in A. None: the car does not say. pause_a: to be written so that it stops."""

    min_a: Decimal | None = None
    max_a: Decimal | None = None
    pause_a: Decimal | None = None

    def fitted(self, current_a: Decimal) -> Decimal:
        """A current that the car knows: one below its minimum is a pause, one above its maximum that maximum."""
        pause_a = self.pause_a if self.pause_a is not None else ZERO
        if current_a <= max(pause_a, ZERO) or (self.min_a is not None and current_a < self.min_a):
            return pause_a
        return current_a if self.max_a is None else min(current_a, self.max_a)


class Standing(msgspec.Struct, frozen=True):
    """The limit of one phase, as the car says it. active, limit_a: None where it does not. permitted: what may be written."""

    limit_id: int
    active: bool | None
    limit_a: Decimal | None
    changeable: bool
    permitted: Permitted


Standings = tuple[Standing | None, Standing | None, Standing | None]
"""L1, L2, L3; None: the car has no limit for the phase."""


def standings(remote: RemoteDevice, entity: EntityId, of: CurrentLimit) -> Standings:
    """The limits of an EV entity."""
    phases = _phases(remote, entity)
    permitted = bounds(remote, entity)
    rows = {row.limit_id: row for row in said(remote, entity, "LoadControl", LoadControlLimitListData).load_control_limit_data or ()}
    described = said(remote, entity, "LoadControl", LoadControlLimitDescriptionListData).load_control_limit_description_data
    found: dict[str, Standing] = {}
    for one in described or ():
        fits = (one.limit_category, one.scope_type) == (of.category, of.scope)
        fits = fits and one.limit_type in (None, LIMIT_TYPE) and one.limit_direction in (None, DIRECTION)
        row, phase = rows.get(one.limit_id), phases.get(one.measurement_id)
        if fits and row is not None and row.limit_id is not None and phase is not None:
            name, parameter = phase
            found[name] = Standing(
                row.limit_id,
                row.is_limit_active,
                told(row.value),
                row.is_limit_changeable is not False,
                _permitted(permitted.get(parameter, Bounds())),
            )
    return found.get("a"), found.get("b"), found.get("c")


def wanted(stand: Standings, wish: PerPhase) -> tuple[LoadControlLimitData, ...]:
    """What must be written so that ``wish`` holds, for every phase whose limit may be changed."""
    return tuple(_row(one, current_a) for one, current_a in zip(stand, wish, strict=True) if one is not None and one.changeable)


def holds(stand: Standings, rows: tuple[LoadControlLimitData, ...]) -> bool:
    """Whether the car says that it keeps what was written."""
    by_id = {one.limit_id: one for one in stand if one is not None}
    return all(
        (one := by_id.get(row.limit_id or 0)) is not None
        and one.active == row.is_limit_active
        and (not row.is_limit_active or one.limit_a == told(row.value))
        for row in rows
    )


def write(
    load: RemoteFeature, rows: tuple[LoadControlLimitData, ...], beside: tuple[LoadControlLimitData, ...] = (), *, whole: bool = False
) -> Cmd:
    """The write of these limits: a partial one where the car can, else of the complete list, with all others as they are. beside: others that were
    written, but that the car may not have told yet; a complete list must not take them back. whole: the car has refused a part, whatever it says."""
    cmd = command(LoadControlLimitListData(load_control_limit_data=rows), filters=(PARTIAL,))
    offered = load.operations.get(LIMITS)
    if not whole and (offered is None or offered.partial):
        return cmd
    changes = {row.limit_id: row for row in (*beside, *rows)}
    old = load.data.get(LIMITS)
    complete = tuple(
        update.merge(row, changes[row.limit_id]) if row.limit_id in changes else row
        for row in (old.load_control_limit_data if isinstance(old, LoadControlLimitListData) else None) or ()
    )
    return command(LoadControlLimitListData(load_control_limit_data=complete))


class Bounds(msgspec.Struct, frozen=True):
    """The values that a parameter can have, in its unit."""

    min: Decimal | None = None
    max: Decimal | None = None
    values: tuple[Decimal, ...] = ()


def bounds(remote: RemoteDevice, entity: EntityId) -> dict[int | None, Bounds]:
    """By parameterId."""
    known = said(remote, entity, "ElectricalConnection", ElectricalConnectionPermittedValueSetListData)
    return {one.parameter_id: _bounds(one) for one in known.electrical_connection_permitted_value_set_data or ()}


def _bounds(one: ElectricalConnectionPermittedValueSetData) -> Bounds:
    sets = one.permitted_value_set or ()
    ranges = [each for values in sets for each in values.range or ()]
    mins = [value for each in ranges if (value := told(each.min)) is not None]
    maxs = [value for each in ranges if (value := told(each.max)) is not None]
    values = tuple(value for each in sets for single in each.value or () if (value := told(single)) is not None)
    return Bounds(min(mins, default=None), max(maxs, default=None), values)


def _permitted(of: Bounds) -> Permitted:
    """A single value that a car could charge with is a default, and no pause."""
    return Permitted(of.min, of.max, min((one for one in of.values if one < (of.min or LEAST_A)), default=None))


def _phases(remote: RemoteDevice, entity: EntityId) -> dict[int | None, tuple[str, int | None]]:
    """The phase and the parameter of each measurementId."""
    parameters = said(remote, entity, "ElectricalConnection", ElectricalConnectionParameterDescriptionListData)
    return {
        one.measurement_id: (one.ac_measured_phases, one.parameter_id)
        for one in parameters.electrical_connection_parameter_description_data or ()
        if one.measurement_id is not None and one.ac_measured_phases in ("a", "b", "c")
    }


def _row(one: Standing, current_a: Decimal | None) -> LoadControlLimitData:
    """A limit without a value is written with the most that is permitted, for a car might take the value for itself."""
    value_a = one.permitted.fitted(current_a) if current_a is not None else one.permitted.max_a or one.limit_a
    return LoadControlLimitData(
        limit_id=one.limit_id, is_limit_active=current_a is not None, value=None if value_a is None else scaled(value_a)
    )
