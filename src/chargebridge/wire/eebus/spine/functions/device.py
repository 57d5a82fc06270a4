"""A device about itself: its maker, its state and heartbeat, its settings, who it is (SPINE 1.3.0 data model)."""

from typing import ClassVar

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import ScaledNumber


class DeviceClassificationManufacturerData(Element, frozen=True):
    device_name: str | None = None
    device_code: str | None = None
    serial_number: str | None = None
    software_revision: str | None = None
    hardware_revision: str | None = None
    vendor_name: str | None = None
    vendor_code: str | None = None
    brand_name: str | None = None
    power_source: str | None = None
    manufacturer_node_identification: str | None = None
    manufacturer_label: str | None = None
    manufacturer_description: str | None = None


class DeviceDiagnosisHeartbeatData(Element, frozen=True):
    """heartbeat_timeout: the next one comes within this ISO 8601 duration."""

    timestamp: str | None = None
    heartbeat_counter: int | None = None
    heartbeat_timeout: str | None = None


class DeviceDiagnosisStateData(Element, frozen=True):
    timestamp: str | None = None
    operating_state: str | None = None
    vendor_state_code: str | None = None
    last_error_code: str | None = None
    up_time: str | None = None
    total_up_time: str | None = None
    power_supply_condition: str | None = None


class ConfigurationValue(Element, frozen=True):
    """One of these, as the key's description says."""

    boolean: bool | None = None
    date: str | None = None
    date_time: str | None = None
    duration: str | None = None
    string: str | None = None
    time: str | None = None
    scaled_number: ScaledNumber | None = None
    integer: int | None = None


class DeviceConfigurationKeyValueData(Element, frozen=True):
    KEYS: ClassVar = ("key_id",)
    CHANGEABLE: ClassVar = "is_value_changeable"

    key_id: int | None = None
    value: ConfigurationValue | None = None
    is_value_changeable: bool | None = None


class DeviceConfigurationKeyValueListData(Element, frozen=True):
    device_configuration_key_value_data: tuple[DeviceConfigurationKeyValueData, ...] | None = None


class DeviceConfigurationKeyValueDescriptionData(Element, frozen=True):
    KEYS: ClassVar = ("key_id",)

    key_id: int | None = None
    key_name: str | None = None
    value_type: str | None = None
    unit: str | None = None
    label: str | None = None
    description: str | None = None


class DeviceConfigurationKeyValueDescriptionListData(Element, frozen=True):
    device_configuration_key_value_description_data: tuple[DeviceConfigurationKeyValueDescriptionData, ...] | None = None


class IdentificationData(Element, frozen=True):
    KEYS: ClassVar = ("identification_id",)

    identification_id: int | None = None
    identification_type: str | None = None
    identification_value: str | None = None
    authorized: bool | None = None


class IdentificationListData(Element, frozen=True):
    identification_data: tuple[IdentificationData, ...] | None = None
