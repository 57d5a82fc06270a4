"""What a CSMS must not ask of a station though the schema allows it."""

from urllib.parse import urlsplit

import httpx

from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.abilities import NETWORK_PRIORITY, Abilities

PROBE_S = 3.0


async def refusal(abilities: Abilities, action: str, payload: Said) -> str | None:
    """Why a call is not sent; None: it may be."""
    match action:
        case "SetVariables":
            return _network(abilities, payload)
        case "GetLog" if isinstance(payload.get("log"), dict):
            return await upload(str(payload["log"].get("remoteLocation", "")))
    return None


def _network(abilities: Abilities, payload: Said) -> str | None:
    """What the station's connection hangs on now is not changed under it (2.1 B09.FR.21)."""
    in_use = abilities.members(NETWORK_PRIORITY)
    for element in payload.get("setVariableData", ()):
        component = element.get("component", {})
        if component.get("name") == "NetworkConfiguration" and component.get("instance") in in_use:
            return f"network configuration {component['instance']} is in use; write another slot, then change the priority (B09.FR.21)"
    return None


async def upload(url: str) -> str | None:
    """Why logs cannot be uploaded there by HTTP (2.1 N01.FR.26 to N01.FR.28). A server that we cannot reach may be one that the station can."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        return None
    if "#" in url:
        return "the upload URL has a fragment, which no server ever sees; leave out what begins with # (N01.FR.27)"
    if parts.query.endswith("/"):
        return "the query of the upload URL ends with a slash (N01.FR.28)"
    try:
        async with httpx.AsyncClient(timeout=PROBE_S, follow_redirects=False) as client:
            answer = await client.head(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    if answer.is_redirect:
        return f"the server there sends uploads on to {answer.headers.get('location', 'another place')}; give that URL (N01.FR.26)"
    return None
