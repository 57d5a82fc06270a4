"""What every command and every reply has."""

from msgspec import Struct

from chargebridge.stations.events import Said
from chargebridge.stations.port import Answer


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="command", tag=True):
    """The base of all."""


class Reply(Answer, frozen=True, kw_only=True):
    """action, payload: what was said. response: the station's own answer, None when there is none."""

    action: str = ""
    payload: Said | None = None
    response: Said | None = None
