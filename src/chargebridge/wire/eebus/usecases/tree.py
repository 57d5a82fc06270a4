"""Where wallboxes and cars stand in a peer's device: EVSE entities, and EV entities below them that come and go (EVSECC 1.0.1, EVCC 1.0.1, clause 3).

Deviations of products that are taken: use cases without an entity in their address (Elli, Porsche), all use cases under the actor EV (Porsche),
those of the car at the wallbox's address, a car that is no child of a wallbox, a car without a wallbox.
"""

from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice, UseCase
from chargebridge.wire.eebus.usecases import evcc, evsecc
from chargebridge.wire.eebus.usecases.cevc import NAME as CEVC
from chargebridge.wire.eebus.usecases.evcem import EVCEM
from chargebridge.wire.eebus.usecases.evsoc import EVSOC
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV

USE_CASES = frozenset({evsecc.NAME, evcc.NAME, EVCEM.name, OPEV.name, OSCEV.name, EVSOC.name, CEVC})


def vehicles(remote: RemoteDevice) -> dict[EntityId, frozenset[str]]:
    """The cars of a device, and the names of their use cases: entities of type EV, and others at which a use case of the actor EV stands."""
    cars: dict[EntityId, frozenset[str]] = {}
    for entity, type_ in remote.entities.items():
        addressed = any(one.entity == entity and one.actor == evcc.ACTOR for one in remote.use_cases)
        if type_ == "EV" or (addressed and type_ not in ("EVSE", "DeviceInformation")):
            cars[entity] = frozenset(one.name for one in remote.use_cases if _is_of(one, entity, remote))
    return cars


def _is_of(use_case: UseCase, car: EntityId, remote: RemoteDevice) -> bool:
    """Whether a use case of the actor EV is this car's: where its address names no car, it is."""
    elsewhere = use_case.entity not in (None, car) and remote.entities.get(use_case.entity or ()) == "EV"
    return use_case.actor == evcc.ACTOR and use_case.available and not elsewhere


def stations(remote: RemoteDevice, cars: dict[EntityId, frozenset[str]]) -> dict[EntityId, None]:
    """The wallboxes of a device that has e-mobility: entities of type EVSE, others at which EVSECC stands, and cars that belong to none."""
    if not cars and not any(one.name in USE_CASES and one.actor in (evsecc.ACTOR, evcc.ACTOR) for one in remote.use_cases):
        return {}
    named = {one.entity for one in remote.use_cases if one.name == evsecc.NAME and one.actor == evsecc.ACTOR}
    evses = {entity: None for entity, type_ in remote.entities.items() if type_ == "EVSE" or entity in named}
    return evses or dict.fromkeys(cars)


def station_of(car: EntityId, evses: dict[EntityId, None]) -> EntityId:
    return car[:-1] if car[:-1] in evses else next(iter(evses), car)
