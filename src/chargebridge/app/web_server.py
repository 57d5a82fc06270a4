"""The HTTP server of a process of ours: a port that is there before anything is said to be ready, and signals that end it tidily."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chargebridge.app.guards import StartError

CLOSING_S = 3
ENDS = (signal.SIGINT, signal.SIGTERM)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
"""Nothing is loaded from elsewhere, and the key in a driver's link goes nowhere. Vue compiles its templates, hence unsafe-eval."""


class WebServer(uvicorn.Server):
    """uvicorn that leaves the signals to us: its own way ends in raising them again, before the site has tidied up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        try:
            for number in ENDS:
                loop.add_signal_handler(number, self.handle_exit, number, None)
        except (NotImplementedError, RuntimeError, ValueError):  # no main thread, or a system without: cancel the task instead
            pass
        try:
            yield
        finally:
            for number in ENDS:
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.remove_signal_handler(number)


def bound(host: str, port: int) -> socket.socket:
    """A listening socket for the pages. Raises StartError."""
    try:
        return socket.create_server((host, port), backlog=128, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StartError("web", f"port {port} cannot be opened ({error})", "stop what uses it or give another port") from error


class SafeHeaders:
    """Adds the headers that keep a page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)
