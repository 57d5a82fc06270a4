"""PyPI `gurux-dlms` (its secure client) reads our virtual meter."""

import asyncio
import socket
from datetime import timedelta
from typing import Any

from gurux_dlms import GXByteBuffer, GXDateTime, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.objects import GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient

from interop.cosem.common import CLIENT_TITLE, KEYS, PASSWORD, START, VALUES, Checks, our_meter
from interop.ocpp.check import Check


class Reader:
    """One connection of theirs."""

    def __init__(self, port: int, framing: str, address: int) -> None:
        proofs = {16: Authentication.NONE, 2: Authentication.HIGH_GMAC, 3: Authentication.HIGH_GMAC}
        kind = InterfaceType.HDLC if framing == "hdlc" else InterfaceType.WRAPPER
        self.client = GXDLMSSecureClient(True, address, 1, proofs.get(address, Authentication.LOW), PASSWORD.decode(), kind)
        if address in (2, 3, 4):
            cipher = self.client.ciphering
            cipher.systemTitle, cipher.blockCipherKey, cipher.authenticationKey = CLIENT_TITLE, KEYS.key, KEYS.authentication_key
            cipher.invocationCounter = 10_000 * address + (5000 if framing == "hdlc" else 0)
            cipher.security = Security.NONE if address == 3 else Security.AUTHENTICATION_ENCRYPTION
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def ask(self, frames: Any) -> GXReplyData:
        """Send, and read until their parser is content."""
        reply = GXReplyData()
        for one in frames if isinstance(frames, list) else [frames]:
            reply.clear()
            self.frame(one, reply)
            while reply.isMoreData():
                self.frame(self.client.receiverReady(reply), reply)
        return reply

    def frame(self, data: Any, reply: GXReplyData) -> None:
        self.socket.sendall(bytes(data))
        buffer = GXByteBuffer()
        while not self.client.getData(buffer, reply, None):
            piece = self.socket.recv(4096)
            if not piece:
                raise ConnectionError("closed")
            buffer.set(piece)
        if reply.error:
            raise RuntimeError(f"error {reply.error}")

    def open(self) -> None:
        if snrm := self.client.snrmRequest():
            self.client.parseUAResponse(self.ask(snrm).data)
        self.client.parseAareResponse(self.ask(self.client.aarqRequest()).data)
        if self.client.isAuthenticationRequired:
            self.client.parseApplicationAssociationResponse(self.ask(self.client.getApplicationAssociationRequest()).data)

    def read(self, item: Any, attribute: int) -> Any:
        return self.client.updateValue(item, attribute, self.ask(self.client.read(item, attribute)).value)

    def rows(self, profile: GXDLMSProfileGeneric, frames: Any) -> list[Any]:
        self.client.updateValue(profile, 2, self.ask(frames).value)
        return [row[2] for row in profile.buffer]

    def close(self) -> None:
        if released := self.client.releaseRequest():
            self.ask(released)
        if gone := self.client.disconnectRequest():
            self.ask(gone)
        self.socket.close()


def read(port: int, framing: str, checks: Checks) -> None:
    def public() -> None:
        reader = Reader(port, framing, 16)
        reader.open()
        clock = GXDLMSClock()
        reader.read(clock, 2)
        checks.add("public client reads the clock", clock.time.value.year == VALUES.at.year, clock.time)
        reader.close()

    def registers(name: str, address: int) -> None:
        reader = Reader(port, framing, address)
        reader.open()
        energy, current = GXDLMSRegister("1.0.1.8.0.255"), GXDLMSRegister("1.0.31.7.0.255")
        reader.read(energy, 3)
        checks.add(f"{name}: register", reader.read(energy, 2) == VALUES.energy_import_wh, energy.value)
        reader.read(current, 3)
        reader.read(current, 2)
        checks.add(f"{name}: scaler", abs(current.value - 10.0) < 0.01, current.value)
        wanted = [(energy, 2), (current, 2)]
        values: list[Any] = []
        for one in reader.client.readList(wanted):
            values += reader.ask(one).value
        reader.client.updateValues(wanted, values)
        checks.add(f"{name}: list", energy.value == VALUES.energy_import_wh and abs(current.value - 10.0) < 0.01, values)
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        reader.read(profile, 3)
        rows = reader.rows(profile, reader.client.readRowsByEntry(profile, 5, 30))
        checks.add(f"{name}: load profile by entry, in blocks", rows == list(range(105, 135)), rows)
        window = (GXDateTime(START + timedelta(hours=hour)) for hour in (3, 40))
        rows = reader.rows(profile, reader.client.readRowsByRange(profile, *window))
        checks.add(f"{name}: load profile by range, in blocks", rows == list(range(103, 141)), rows)
        try:
            reader.read(GXDLMSRegister("1.0.77.7.0.255"), 2)
            checks.add(f"{name}: an object that is not there", False, "was read")
        except Exception as problem:
            checks.add(f"{name}: an object that is not there", "error" in str(problem).lower(), problem)
        reader.close()

    checks.trying("public client", public)
    for name, address in (("password", 1), ("GMAC", 3), ("GMAC, enciphered", 2), ("password, enciphered", 4)):
        checks.trying(name, lambda name=name, address=address: registers(name, address))


async def run() -> list[Check]:
    found: list[Check] = []
    for framing in ("wrapper", "hdlc"):
        checks = Checks(f"gurux client, {framing}")
        async with our_meter(framing) as server:
            await asyncio.to_thread(read, server.port, framing, checks)
        found += checks.found
    return found
