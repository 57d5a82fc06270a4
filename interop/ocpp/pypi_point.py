"""A charge point by PyPI `ocpp` (mobilityhouse): its own routing, validation and spelling, in 1.6, 2.0.1 and 2.1."""

import asyncio
from dataclasses import asdict
from types import ModuleType
from typing import Any

import ocpp.v16
import ocpp.v21
import ocpp.v201
import websockets
from ocpp.charge_point import camel_to_snake_case, remove_nones, snake_to_camel_case
from ocpp.exceptions import OCPPError
from ocpp.routing import on

from interop.ocpp.link import Answering, Message, RefusedError

VERSIONS: dict[str, ModuleType] = {"ocpp1.6": ocpp.v16, "ocpp2.0.1": ocpp.v201, "ocpp2.1": ocpp.v21}


class PypiLink:
    def __init__(self, version: str, uri: str, identity: str, password: str, answering: Answering) -> None:
        self._version = version
        self._module = VERSIONS[version]
        self._uri = uri.replace("ws://", f"ws://{identity}:{password}@") + f"/{identity}"
        self._identity = identity
        actions = [name for name in dir(self._module.call_result) if name[0].isupper() and hasattr(self._module.call, name)]
        handlers = {f"on_{action}": on(action)(self._handler(action, answering)) for action in actions}
        self._kind: Any = type("Point", (self._module.ChargePoint,), handlers)

    def _handler(self, action: str, answering: Answering) -> Any:
        async def handler(point: Any, **request: Any) -> Any:
            answer = await answering(action, snake_to_camel_case(request))
            return getattr(self._module.call_result, action)(**camel_to_snake_case(answer))

        handler.__name__ = f"on_{action}"
        return handler

    async def open(self) -> None:
        self._socket = await websockets.connect(self._uri, subprotocols=[websockets.Subprotocol(self._version)])
        self._point = self._kind(self._identity, self._socket)
        self._listening = asyncio.create_task(self._point.start())

    async def call(self, action: str, payload: Message) -> Message:
        try:
            request = getattr(self._module.call, action)(**camel_to_snake_case(payload))
            answer = await self._point.call(request, suppress=False)
        except (OCPPError, TimeoutError, websockets.ConnectionClosed) as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from None
        return dict(snake_to_camel_case(remove_nones(asdict(answer))))

    async def drop(self) -> None:
        self._socket.transport.abort()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def close(self) -> None:
        await self._socket.close()
        await asyncio.gather(self._listening, return_exceptions=True)
