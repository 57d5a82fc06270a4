"""LoadControl: limits that a client sets (SPINE 1.3.0 data model)."""

from typing import ClassVar

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import ScaledNumber, TimePeriod


class LoadControlLimitData(Element, frozen=True):
    """time_period: its end is a duration from the message's arrival on; without it the limit holds until further notice."""

    KEYS: ClassVar = ("limit_id",)
    CHANGEABLE: ClassVar = "is_limit_changeable"

    limit_id: int | None = None
    is_limit_changeable: bool | None = None
    is_limit_active: bool | None = None
    time_period: TimePeriod | None = None
    value: ScaledNumber | None = None


class LoadControlLimitListData(Element, frozen=True):
    load_control_limit_data: tuple[LoadControlLimitData, ...] | None = None


class LoadControlLimitDescriptionData(Element, frozen=True):
    KEYS: ClassVar = ("limit_id",)

    limit_id: int | None = None
    limit_type: str | None = None
    limit_category: str | None = None
    limit_direction: str | None = None
    measurement_id: int | None = None
    unit: str | None = None
    scope_type: str | None = None
    label: str | None = None
    description: str | None = None


class LoadControlLimitDescriptionListData(Element, frozen=True):
    load_control_limit_description_data: tuple[LoadControlLimitDescriptionData, ...] | None = None
