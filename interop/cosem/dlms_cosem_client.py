"""PyPI `dlms-cosem` reads our virtual meter."""

import asyncio
import logging
from datetime import timedelta

import structlog
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.client import DlmsClient
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.io import BlockingTcpIO, HdlcTransport, TcpTransport
from dlms_cosem.security import (
    HighLevelSecurityGmacAuthentication,
    LowLevelSecurityAuthentication,
    NoSecurityAuthentication,
)

from interop.cosem.common import CLIENT_TITLE, KEYS, PASSWORD, START, VALUES, Checks, our_meter
from interop.ocpp.check import Check

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # it logs each frame
INTERFACE = enumerations.CosemInterface
CLOCK = cosem.CosemAttribute(INTERFACE.CLOCK, cosem.Obis(0, 0, 1, 0, 0), 2)
PROFILE = cosem.CosemAttribute(INTERFACE.PROFILE_GENERIC, cosem.Obis(1, 0, 99, 1, 0), 2)


def register(c: int, d: int, attribute: int = 2) -> cosem.CosemAttribute:
    return cosem.CosemAttribute(INTERFACE.REGISTER, cosem.Obis(1, 0, c, d, 0), attribute)


def client(port: int, framing: str, address: int) -> DlmsClient:
    io = BlockingTcpIO(host="127.0.0.1", port=port, timeout=5)
    transport = (HdlcTransport if framing == "hdlc" else TcpTransport)(client_logical_address=address, server_logical_address=1, io=io)
    proofs = {16: NoSecurityAuthentication, 2: HighLevelSecurityGmacAuthentication}
    proof = proofs[address]() if address in proofs else LowLevelSecurityAuthentication(secret=PASSWORD)
    if address not in (2, 4):
        return DlmsClient(transport=transport, authentication=proof)
    return DlmsClient(
        transport=transport,
        authentication=proof,
        encryption_key=KEYS.key,
        authentication_key=KEYS.authentication_key,
        client_system_title=CLIENT_TITLE,
        client_initial_invocation_counter=1000 * address + (500 if framing == "hdlc" else 0),
    )


def read(port: int, framing: str, checks: Checks) -> None:
    def public() -> None:
        with client(port, framing, 16).session() as meter:
            checks.add("public client reads the clock", len(utils.parse_as_dlms_data(meter.get(CLOCK))) == 12)

    def registers(name: str, address: int) -> None:
        with client(port, framing, address).session() as meter:
            found = utils.parse_as_dlms_data(meter.get(register(1, 8)))
            checks.add(f"{name}: register", found == VALUES.energy_import_wh, found)
            found = utils.parse_as_dlms_data(meter.get(register(31, 7, 3)))
            checks.add(f"{name}: scaler and unit", found == [-2, 33], found)
            window = RangeDescriptor(CaptureObject(CLOCK), START + timedelta(hours=3), START + timedelta(hours=40))
            rows = utils.parse_as_dlms_data(meter.get(PROFILE, window))
            checks.add(f"{name}: load profile by range, in blocks", [row[2] for row in rows] == list(range(103, 141)), rows)

    checks.trying("public client", public)
    for name, address in (("password", 1), ("GMAC, enciphered", 2), ("password, enciphered", 4)):
        checks.trying(name, lambda name=name, address=address: registers(name, address))


async def run() -> list[Check]:
    found: list[Check] = []
    for framing in ("wrapper", "hdlc"):
        checks = Checks(f"dlms-cosem client, {framing}")
        async with our_meter(framing) as server:
            await asyncio.to_thread(read, server.port, framing, checks)
        found += checks.found
    return found
