"""Opening a socket to a foreign back end, as a station would (1.6J and 2.x part 4: subprotocol, HTTP basic authentication, TLS)."""

import base64
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.transport import ClientFrames
from chargebridge.wire.ocpp import Dialect


async def open_line(backend: BackendSettings, station: str, dialect: Dialect) -> ClientFrames:
    """Raises what `why` words."""
    identity = backend.identity(station)
    headers = {}
    if backend.password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{identity}:{backend.password}".encode()).decode()
    more: dict[str, Any] = {"ssl": backend.tls[station]} if station in backend.tls else {}
    socket = await connect(
        f"{backend.url.rstrip('/')}/{quote(identity, safe='')}",
        subprotocols=[Subprotocol(dialect.name)],
        additional_headers=headers,
        open_timeout=backend.timeout_s,
        create_connection=ClientFrames,
        ping_interval=60,
        ping_timeout=60,
        close_timeout=2,
        **more,
    )
    assert isinstance(socket, ClientFrames)
    return socket


def why(error: Exception) -> str:
    """Why there is no line."""
    match error:
        case InvalidStatus():
            return f"refuses the connection with HTTP {error.response.status_code}"
        case InvalidMessage():  # so TLS 1.3 ends for who shows no certificate, or one that is not trusted
            return "ends the connection before it answers; over TLS it may ask for a certificate, or for another one"
        case TimeoutError():
            return "does not answer"
        case _:
            return f"cannot be reached ({error})"
