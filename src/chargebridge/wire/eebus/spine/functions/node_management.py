"""NodeManagement: who a device is, what it has, what it can do, and who listens to whom (SPINE 1.3.0 protocol, clause 7)."""

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import DeviceAddress, EntityAddress, FeatureAddress


class SpecificationVersionList(Element, frozen=True):
    specification_version: tuple[str, ...] | None = None


class Presence(Element, frozen=True):
    """Something that is said by being there."""


class WriteOperations(Element, frozen=True):
    partial: Presence | None = None


class ReadOperations(Element, frozen=True):
    partial: Presence | None = None


class PossibleOperations(Element, frozen=True):
    read: ReadOperations | None = None
    write: WriteOperations | None = None


class SupportedFunction(Element, frozen=True):
    function: str | None = None
    possible_operations: PossibleOperations | None = None


class DeviceDescription(Element, frozen=True):
    device_address: DeviceAddress | None = None
    device_type: str | None = None
    network_management_responsible_address: FeatureAddress | None = None
    native_setup: str | None = None
    technology_address: str | None = None
    communications_technology_information: str | None = None
    network_feature_set: str | None = None
    last_state_change: str | None = None
    minimum_trust_level: str | None = None
    label: str | None = None
    description: str | None = None


class EntityDescription(Element, frozen=True):
    entity_address: EntityAddress | None = None
    entity_type: str | None = None
    last_state_change: str | None = None
    minimum_trust_level: str | None = None
    label: str | None = None
    description: str | None = None


class FeatureDescription(Element, frozen=True):
    feature_address: FeatureAddress | None = None
    feature_type: str | None = None
    specific_usage: tuple[str, ...] | None = None
    feature_group: str | None = None
    role: str | None = None
    supported_function: tuple[SupportedFunction, ...] | None = None
    last_state_change: str | None = None
    minimum_trust_level: str | None = None
    label: str | None = None
    description: str | None = None
    max_response_delay: str | None = None


class DeviceInformation(Element, frozen=True):
    description: DeviceDescription | None = None


class EntityInformation(Element, frozen=True):
    description: EntityDescription | None = None


class FeatureInformation(Element, frozen=True):
    description: FeatureDescription | None = None


class NodeManagementDetailedDiscoveryData(Element, frozen=True):
    specification_version_list: SpecificationVersionList | None = None
    device_information: DeviceInformation | None = None
    entity_information: tuple[EntityInformation, ...] | None = None
    feature_information: tuple[FeatureInformation, ...] | None = None


class UseCaseSupport(Element, frozen=True):
    use_case_name: str | None = None
    use_case_version: str | None = None
    use_case_available: bool | None = None
    scenario_support: tuple[int, ...] | None = None
    use_case_document_sub_revision: str | None = None


class UseCaseInformation(Element, frozen=True):
    address: FeatureAddress | None = None
    actor: str | None = None
    use_case_support: tuple[UseCaseSupport, ...] | None = None


class NodeManagementUseCaseData(Element, frozen=True):
    use_case_information: tuple[UseCaseInformation, ...] | None = None


class NodeManagementDestinationData(Element, frozen=True):
    device_description: DeviceDescription | None = None


class NodeManagementDestinationListData(Element, frozen=True):
    node_management_destination_data: tuple[NodeManagementDestinationData, ...] | None = None


class Pair(Element, frozen=True):
    """A client feature and the server feature that it subscribes to or binds."""

    client_address: FeatureAddress | None = None
    server_address: FeatureAddress | None = None
    server_feature_type: str | None = None


class SubscriptionEntry(Element, frozen=True):
    subscription_id: int | None = None
    client_address: FeatureAddress | None = None
    server_address: FeatureAddress | None = None
    label: str | None = None
    description: str | None = None


class BindingEntry(Element, frozen=True):
    binding_id: int | None = None
    client_address: FeatureAddress | None = None
    server_address: FeatureAddress | None = None
    label: str | None = None
    description: str | None = None


class NodeManagementSubscriptionData(Element, frozen=True):
    subscription_entry: tuple[SubscriptionEntry, ...] | None = None


class NodeManagementBindingData(Element, frozen=True):
    binding_entry: tuple[BindingEntry, ...] | None = None


class NodeManagementSubscriptionRequestCall(Element, frozen=True):
    subscription_request: Pair | None = None


class NodeManagementSubscriptionDeleteCall(Element, frozen=True):
    subscription_delete: Pair | None = None


class NodeManagementBindingRequestCall(Element, frozen=True):
    binding_request: Pair | None = None


class NodeManagementBindingDeleteCall(Element, frozen=True):
    binding_delete: Pair | None = None


class ResultData(Element, frozen=True):
    """error_number: see ``ErrorNumber``."""

    error_number: int | None = None
    description: str | None = None
