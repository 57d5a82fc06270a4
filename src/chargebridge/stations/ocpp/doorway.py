"""The websocket server's connections as the door counts them: from the first byte, before TLS and HTTP have said who it is.

One too many gets 429; far too many are cut off without a word, as is whoever knocks too often at the TLS port: a TLS handshake is what costs.
"""

import socket
from collections.abc import Callable
from typing import Any

from chargebridge.stations.ocpp.entrance import Entry
from chargebridge.stations.ocpp.limits import Doorkeeper
from chargebridge.stations.ocpp.transport import ServerFrames
from chargebridge.stations.ocpp.vault import Applicant


class Doorway(ServerFrames):
    """entry: how it was let in. quarantine: the unknown station that is only listened to. crowded: its address has too many open."""

    def __init__(self, *args: Any, door: Doorkeeper, behind_proxy: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entry: Entry | None = None
        self.quarantine: Applicant | None = None
        self.crowded = False
        self.secure = False
        self._door = door
        self._behind_proxy = behind_proxy
        self._counted: str | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.secure = transport.get_extra_info("ssl_object") is not None
        if self.secure or not self._behind_proxy:
            self.count(self.peer)

    def count(self, address: str) -> None:
        """Count this connection for an address until it ends."""
        self._counted = address
        self.crowded = not self._door.entered(address)
        if self.crowded and self._door.far_too_many(address):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._counted is not None:
            self._door.left(self._counted)
            self._counted = None
        super().connection_lost(exc)

    @property
    def peer(self) -> str:
        address = self.remote_address
        return str(address[0]) if isinstance(address, tuple) else str(address)

    def address(self) -> str:
        """Whose connection it is: behind a proxy, whom that one names last (X-Forwarded-For)."""
        if self._behind_proxy and not self.secure and self.request is not None:
            named = ",".join(self.request.headers.get_all("X-Forwarded-For")).rpartition(",")[2].strip()
            return named or self.peer
        return self.peer


class GuardedSocket(socket.socket):
    """A listening socket that drops a connection as soon as it is made when its address knocks too often."""

    may_enter: Callable[[str], bool]

    def accept(self) -> tuple[socket.socket, Any]:
        while True:
            connection, address = super().accept()
            if self.may_enter(str(address[0])):
                return connection, address
            connection.close()


def guarded_socket(host: str, port: int, may_enter: Callable[[str], bool]) -> GuardedSocket:
    """Bound, to be listened on. Raises OSError when the address is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = GuardedSocket(family, kind, protocol)
    made.may_enter = may_enter
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setblocking(False)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
