"""A peer's device as its discovery tells it, with the data that it has sent."""

import msgspec

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.errors import SpineError
from chargebridge.wire.eebus.spine.functions import Unknown
from chargebridge.wire.eebus.spine.functions import node_management as nm
from chargebridge.wire.eebus.spine.functions.common import duration_s
from chargebridge.wire.eebus.spine.local import CLIENT, MANAGEMENT, SPECIAL, EntityId, FeatureId, Operations

MAX_FEATURES, MAX_ENTITIES = 2048, 512
"""Of one device."""
MAX_DELAY_S = 600.0
"""The longest delay of an answer that is waited for."""


class RemoteFeature:
    """type, role, operations: as the discovery says. data: of its functions, as far as they came.
    delay_s: how long it may take to answer (maxResponseDelay), where it says so."""

    def __init__(self, ident: FeatureId, type_: str, role: str, operations: dict[str, Operations], delay_s: float = 0.0) -> None:
        self.ident = ident
        self.type = type_
        self.role = role
        self.operations = operations
        self.delay_s = delay_s
        self.data: dict[str, Element | Unknown] = {}


class UseCase(msgspec.Struct, frozen=True):
    """A use case of a peer. entity: None where the peer does not say it."""

    actor: str
    name: str
    version: str
    entity: EntityId | None
    scenarios: tuple[int, ...]
    available: bool


class RemoteDevice:
    """address: None until the peer has said it. entities: their types."""

    def __init__(self) -> None:
        self.address: str | None = None
        self.type: str | None = None
        self.entities: dict[EntityId, str] = {}
        self.features: dict[FeatureId, RemoteFeature] = {MANAGEMENT: RemoteFeature(MANAGEMENT, "NodeManagement", SPECIAL, {})}
        self.use_cases: tuple[UseCase, ...] = ()
        self.discovered = False

    def find(self, entity: EntityId, type_: str, role: str) -> RemoteFeature | None:
        """The feature of an entity by type and role; a Generic client stands for any client."""
        wanted = {(type_, role)} | ({("Generic", CLIENT)} if role == CLIENT else set())
        return next((one for ident, one in self.features.items() if ident[0] == entity and (one.type, one.role) in wanted), None)

    def delay_s(self, ident: FeatureId) -> float:
        """How long the feature may take to answer, as it says itself."""
        feature = self.features.get(ident)
        return feature.delay_s if feature else 0.0

    def entities_with(self, name: str, actors: tuple[str, ...], feature: str, role: str) -> list[EntityId]:
        """The entities that offer a use case as one of the actors. Where the peer does not say which, those that have the feature."""
        found: dict[EntityId, None] = {}
        for one in self.use_cases:
            if one.name != name or one.actor not in actors or not one.available:
                continue
            for entity in (one.entity,) if one.entity is not None else self.entities:
                if self.find(entity, feature, role):
                    found[entity] = None
        return list(found)

    def learn(self, data: nm.NodeManagementDetailedDiscoveryData, *, partial: bool) -> list[EntityId]:
        """Takes in a discovery; returns the entities that are gone."""
        description = data.device_information.description if data.device_information else None
        if description and description.device_address and description.device_address.device:
            self.address = self.address or description.device_address.device
            self.type = description.device_type or self.type
        told = [info.description for info in data.entity_information or () if info.description and info.description.entity_address]
        removed = {_entity_of(one) for one in told if one.last_state_change == "removed"}
        present = {_entity_of(one): one.entity_type or "" for one in told if one.last_state_change != "removed"}
        gone = set() if partial else self.entities.keys() - present.keys()
        gone |= {entity for entity in self.entities if any(entity[: len(one)] == one for one in removed)}
        gone.discard(MANAGEMENT[0])
        if len((self.entities.keys() - gone) | present.keys()) > MAX_ENTITIES:
            raise SpineError("entityInformation", f"more than {MAX_ENTITIES} entities", "close the connection: no device is that large")
        for entity in gone:
            del self.entities[entity]
        self.entities.update(present)
        self.features = {ident: feature for ident, feature in self.features.items() if ident[0] not in gone}
        for info in data.feature_information or ():
            if info.description is not None:
                self._learn_feature(info.description)
        self.discovered = True
        return sorted(gone)

    def learn_use_cases(self, data: nm.NodeManagementUseCaseData) -> None:
        self.use_cases = tuple(
            UseCase(
                actor=info.actor or "",
                name=support.use_case_name or "",
                version=support.use_case_version or "",
                entity=info.address.entity if info.address and info.address.entity else None,
                scenarios=support.scenario_support or (),
                available=support.use_case_available is not False,
            )
            for info in data.use_case_information or ()
            for support in info.use_case_support or ()
        )

    def _learn_feature(self, told: nm.FeatureDescription) -> None:
        address = told.feature_address
        if address is None or address.entity is None or address.feature is None:
            raise SpineError("featureAddress", "no entity or no feature", "send both numbers")
        ident = (address.entity, address.feature)
        if ident not in self.features and len(self.features) >= MAX_FEATURES:
            raise SpineError("featureInformation", f"more than {MAX_FEATURES} features", "close the connection: no device is that large")
        operations = {
            one.function: _operations(one.possible_operations) for one in told.supported_function or () if one.function is not None
        }
        known = self.features.get(ident)
        delay_s = min(duration_s(told.max_response_delay), MAX_DELAY_S) if told.max_response_delay else 0.0
        feature = RemoteFeature(ident, told.feature_type or "", told.role or "", operations, delay_s)
        if known is not None and (known.type, known.role) == (feature.type, feature.role):
            feature.data = known.data
        self.features[ident] = feature


def _entity_of(told: nm.EntityDescription) -> EntityId:
    assert told.entity_address is not None
    if not told.entity_address.entity:
        raise SpineError("entityAddress", "no numbers", "send the entity's numbers")
    return told.entity_address.entity


def _operations(told: nm.PossibleOperations | None) -> Operations:
    write = told.write if told else None
    return Operations(read=bool(told and told.read is not None), write=write is not None, partial=bool(write and write.partial is not None))
