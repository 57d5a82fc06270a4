"""The virtual meter on TCP: wrapper or HDLC, as many associations at a time as there are connections."""

import asyncio
import secrets
from contextlib import suppress

from chargebridge.sim.cosem_meter.hdlc_station import HdlcStation
from chargebridge.sim.cosem_meter.objects import CosemMeter
from chargebridge.sim.cosem_meter.session import Session, User
from chargebridge.sim.stream_server import StreamServer
from chargebridge.wire.cosem import hdlc_link, wrapper
from chargebridge.wire.cosem.errors import CosemError
from chargebridge.wire.cosem.security import Keys, Security

_HEADER_SIZE = 8
_CHUNK = 4096


class MemoryCounter:
    """A ``FrameCounter`` that lives as long as the virtual meter."""

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def take(self) -> int:
        self._next += 1
        return self._next - 1


class CosemServer(StreamServer):
    """users: by client address. keys: this meter's, with its system title. framing: "wrapper" or "hdlc". address: our logical device and our physical
    one. max_pdu: longest APDU. information: longest HDLC information field. lists: several values in one question are known.
    """

    def __init__(
        self,
        meter: CosemMeter,
        users: dict[int, User],
        *,
        keys: Keys | None = None,
        framing: str = "wrapper",
        address: tuple[int, int | None] = (1, None),
        max_pdu: int = 512,
        information: int = 128,
        lists: bool = True,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self._meter = meter
        self._users = users
        self._framing = framing
        self._logical, self._own = address[0], hdlc_link.address(*address)
        self._information = information
        self._max_pdu, self._lists = max_pdu, lists
        self._title = keys.title if keys else b""
        self._security = Security(keys, MemoryCounter()) if keys else None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(CosemError):
            await (self._talk_hdlc if self._framing == "hdlc" else self._talk_wrapper)(reader, writer)

    async def _talk_wrapper(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions: dict[int, Session] = {}
        while True:
            header = await reader.readexactly(_HEADER_SIZE)
            version, client, own, size = (int.from_bytes(header[at : at + 2], "big") for at in (0, 2, 4, 6))
            apdu = await reader.readexactly(size)
            if version != wrapper.VERSION or own != self._logical:
                return
            answer = sessions.setdefault(client, self._session(client)).receive(apdu)
            writer.write(wrapper.wrap(answer, source=own, destination=client))
            await writer.drain()

    async def _talk_hdlc(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions: dict[bytes, Session] = {}

        def answer(client: bytes, apdu: bytes) -> bytes:
            if not apdu:
                sessions[client] = self._session(client[0] >> 1)
                return b""
            return sessions[client].receive(apdu)

        station = HdlcStation(self._own, self._information, answer)
        while data := await reader.read(_CHUNK):
            writer.write(station.receive(data))
            await writer.drain()

    def _session(self, client: int) -> Session:
        return Session(
            self._meter,
            self._users.get(client),
            security=self._security,
            title=self._title,
            challenge=secrets.token_bytes(16),
            max_pdu=self._max_pdu,
            lists=self._lists,
        )
