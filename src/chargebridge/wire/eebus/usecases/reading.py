"""What a peer has told, as a client looks it up."""

from chargebridge.wire.eebus.spine.element import E
from chargebridge.wire.eebus.spine.functions import name_of
from chargebridge.wire.eebus.spine.local import SERVER, EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice


def said(remote: RemoteDevice, entity: EntityId, feature: str, cls: type[E]) -> E:
    """The data of a function of one of the entity's server features; empty where there is none (yet)."""
    server = remote.find(entity, feature, SERVER)
    data = server.data.get(name_of(cls)) if server else None
    return data if isinstance(data, cls) else cls()
