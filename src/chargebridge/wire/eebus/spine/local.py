"""Our own device as peers see it: entities, their features, the functions of these with their data, and the use cases."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from chargebridge.wire.eebus.spine.datagram import VERSION, Cmd
from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.functions import Unknown
from chargebridge.wire.eebus.spine.functions import node_management as nm
from chargebridge.wire.eebus.spine.functions.common import DeviceAddress, EntityAddress, FeatureAddress
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData

EntityId = tuple[int, ...]
FeatureId = tuple[EntityId, int]
"""The address of a feature inside its device; ((0,), 0) is NodeManagement."""
MANAGEMENT: FeatureId = ((0,), 0)
CLIENT, SERVER, SPECIAL = "client", "server", "special"


class Now(msgspec.Struct, frozen=True):
    """The time that is passed in. s: seconds that never jump, from any start; all timers use them. utc: what clocks show, for time stamps only."""

    s: float
    utc: datetime


class Operations(msgspec.Struct, frozen=True):
    """What peers may do with a function."""

    read: bool = True
    write: bool = False
    partial: bool = True


class Write(msgspec.Struct, frozen=True):
    """What a peer asks to write. before, after: all data of the function, as they are and as they would be."""

    peer: str
    cmd: Cmd
    before: Element
    after: Element


class Verdict(msgspec.Struct, frozen=True):
    """Whether a write is taken; reason: goes into the result's description."""

    number: ErrorNumber = ErrorNumber.NONE
    reason: str = ""


class Guard(Protocol):
    """Who decides on writes to a feature. Where it takes one, it also sees to the new data."""

    def write(self, write: Write, now: Now) -> Verdict: ...


class LocalFeature:
    """A feature of ours. data: of its functions. guard: asked before a write; without one, what is allowed is taken.
    refresh: brings the data up to date before somebody reads them."""

    def __init__(self, ident: FeatureId, type_: str, role: str, description: str | None = None) -> None:
        self.ident = ident
        self.type = type_
        self.role = role
        self.description = description
        self.operations: dict[str, Operations] = {}
        self.data: dict[str, Element | Unknown] = {}
        self.guards: list[Guard] = []
        self.refresh: Callable[[Now], None] | None = None

    def offer(self, function: str, data: Element | Unknown | None = None, operations: Operations | None = None) -> None:
        """Adds a function; where it is there already, only its operations and data change."""
        self.operations[function] = operations or Operations()
        if data is not None:
            self.data[function] = data


class LocalEntity:
    def __init__(self, ident: EntityId, type_: str, description: str | None = None) -> None:
        self.ident = ident
        self.type = type_
        self.description = description
        self.features: dict[int, LocalFeature] = {}

    def add(self, type_: str, role: str, number: int | None = None, description: str | None = None) -> LocalFeature:
        """A new feature; its number is the next free one if none is given."""
        ident = (self.ident, max(self.features, default=0) + 1 if number is None else number)
        self.features[ident[1]] = LocalFeature(ident, type_, role, description)
        return self.features[ident[1]]

    def feature(self, type_: str, role: str) -> LocalFeature:
        """The feature of this type and role, which use cases of one entity share; made where there is none."""
        for feature in self.features.values():
            if (feature.type, feature.role) == (type_, role):
                return feature
        return self.add(type_, role)


class LocalDevice:
    """address: ``d:_n:<vendor>_<unique>`` or ``d:_i:<IANA number>_<unique>``; must never change once paired."""

    def __init__(self, address: str, type_: str, manufacturer: DeviceClassificationManufacturerData | None = None) -> None:
        self.address = address
        self.type = type_
        self.entities: dict[EntityId, LocalEntity] = {}
        self.use_cases: list[nm.UseCaseInformation] = []
        root = self.add((0,), "DeviceInformation")
        management = root.add("NodeManagement", SPECIAL, 0)
        for name in ("DetailedDiscoveryData", "UseCaseData", "SubscriptionData", "BindingData", "DestinationListData"):
            management.offer(f"nodeManagement{name}")
        for name in ("SubscriptionRequestCall", "SubscriptionDeleteCall", "BindingRequestCall", "BindingDeleteCall"):
            management.offer(f"nodeManagement{name}", operations=Operations(read=False))
        if manufacturer is not None:
            root.add("DeviceClassification", SERVER).offer("deviceClassificationManufacturerData", manufacturer)

    def add(self, ident: EntityId, type_: str, description: str | None = None) -> LocalEntity:
        self.entities[ident] = LocalEntity(ident, type_, description)
        return self.entities[ident]

    def feature(self, ident: FeatureId) -> LocalFeature | None:
        entity = self.entities.get(ident[0])
        return entity.features.get(ident[1]) if entity else None

    def announce(
        self, entity: EntityId, actor: str, name: str, version: str, scenarios: tuple[int, ...], revision: str = "release"
    ) -> None:
        """Adds a use case to what ``nodeManagementUseCaseData`` tells."""
        support = nm.UseCaseSupport(
            use_case_name=name,
            use_case_version=version,
            use_case_available=True,
            scenario_support=scenarios,
            use_case_document_sub_revision=revision,
        )
        for at, known in enumerate(self.use_cases):
            if known.actor == actor and known.address and known.address.entity == entity:
                self.use_cases[at] = msgspec.structs.replace(known, use_case_support=(*(known.use_case_support or ()), support))
                return
        address = FeatureAddress(device=self.address, entity=entity)
        self.use_cases.append(nm.UseCaseInformation(address=address, actor=actor, use_case_support=(support,)))

    def full_address(self, ident: FeatureId) -> FeatureAddress:
        return FeatureAddress(device=self.address, entity=ident[0], feature=ident[1])

    def discovery(self) -> nm.NodeManagementDetailedDiscoveryData:
        return nm.NodeManagementDetailedDiscoveryData(
            specification_version_list=nm.SpecificationVersionList(specification_version=(VERSION,)),
            device_information=nm.DeviceInformation(description=self.description()),
            entity_information=tuple(self._entity(entity) for entity in self.entities.values()),
            feature_information=tuple(self._feature(feature) for entity in self.entities.values() for feature in entity.features.values()),
        )

    def discovery_change(self, entity: LocalEntity, change: str) -> nm.NodeManagementDetailedDiscoveryData:
        """What subscribers are told of an entity that was ``added`` or ``removed``."""
        address = DeviceAddress(device=self.address)
        return nm.NodeManagementDetailedDiscoveryData(
            device_information=nm.DeviceInformation(description=nm.DeviceDescription(device_address=address)),
            entity_information=(self._entity(entity, change),),
            feature_information=tuple(map(self._feature, entity.features.values())) if change == "added" else None,
        )

    def description(self) -> nm.DeviceDescription:
        address = DeviceAddress(device=self.address)
        return nm.DeviceDescription(device_address=address, device_type=self.type, network_feature_set="smart")

    def use_case_data(self) -> nm.NodeManagementUseCaseData:
        return nm.NodeManagementUseCaseData(use_case_information=tuple(self.use_cases) or None)

    def destinations(self) -> nm.NodeManagementDestinationListData:
        return nm.NodeManagementDestinationListData(
            node_management_destination_data=(nm.NodeManagementDestinationData(device_description=self.description()),)
        )

    def _entity(self, entity: LocalEntity, change: str | None = None) -> nm.EntityInformation:
        return nm.EntityInformation(
            description=nm.EntityDescription(
                entity_address=EntityAddress(device=self.address, entity=entity.ident),
                entity_type=entity.type,
                last_state_change=change,
                description=entity.description,
            )
        )

    def _feature(self, feature: LocalFeature) -> nm.FeatureInformation:
        supported = tuple(
            nm.SupportedFunction(function=name, possible_operations=_possible(operations))
            for name, operations in feature.operations.items()
        )
        return nm.FeatureInformation(
            description=nm.FeatureDescription(
                feature_address=self.full_address(feature.ident),
                feature_type=feature.type,
                role=feature.role,
                supported_function=supported or None,
                description=feature.description,
            )
        )


def _possible(operations: Operations) -> nm.PossibleOperations:
    return nm.PossibleOperations(
        read=nm.ReadOperations() if operations.read else None,
        write=nm.WriteOperations(partial=nm.Presence() if operations.partial else None) if operations.write else None,
    )
