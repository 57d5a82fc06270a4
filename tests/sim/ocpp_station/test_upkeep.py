"""Firmware, logs and certificates of the virtual station, over real HTTP and real TLS."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from station_kit import Authority, charge, request_of, station_at, until

from chargebridge.sim.ocpp_station import Faults, TlsPlan

IMAGE = b"chargebridge-firmware 2.5\nand what it is made of"


class Files:
    """A small HTTP server: GET /image, PUT anything."""

    def __init__(self) -> None:
        self.put: dict[str, bytes] = {}
        self.refuses = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        size = next((int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length")), 0)
        body = await reader.readexactly(size)
        status, answer = "200 OK", b""
        if self.refuses:
            self.refuses -= 1
            status = "503 Busy"
        elif method == "PUT":
            self.put[path] = body
        else:
            answer = IMAGE
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode() + answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    found = Files()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


def order(bench: Any, files: Files, signer: tuple[str, str] | None, *, good: bool = True) -> tuple[str, dict[str, Any]]:
    """(action, payload) of a firmware update; signer: (certificate, key)."""
    when = bench.station.now().isoformat()
    version = bench.station.plan.version
    if version == "ocpp1.6" and signer is None:
        return "UpdateFirmware", {"location": f"{files.url}/image", "retrieveDate": when, "retries": 2, "retryInterval": 1}
    firmware = {"location": f"{files.url}/image", "retrieveDateTime": when}
    if signer is not None:
        key = load_pem_private_key(signer[1].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(IMAGE if good else b"another", ec.ECDSA(hashes.SHA256()))
        firmware |= {"signingCertificate": signer[0], "signature": base64.b64encode(signature).decode()}
    action = "SignedUpdateFirmware" if version == "ocpp1.6" else "UpdateFirmware"
    return action, {"requestId": 9, "retries": 2, "retryInterval": 1, "firmware": firmware}


def statuses(bench: Any) -> list[str]:
    return [e.status for name, e in bench.csms.seen if name in ("FirmwareStatusNotification", "SignedFirmwareStatusNotification")]


async def test_new_firmware_comes_in_and_runs(version: str, files: Files) -> None:
    async with station_at(version) as bench:
        files.refuses = 1
        action, payload = order(bench, files, None)
        await bench.csms.ask(request_of(version, action, payload))
        assert await until(lambda: statuses(bench)[-1:] == ["Installed"])
        whole = ["Downloading", "Downloaded", "Installing", "InstallRebooting", "Installed"]
        assert statuses(bench) == (["Downloading", "Downloaded", "Installing", "Installed"] if version == "ocpp1.6" else whole)
        boot = bench.csms.heard("BootNotification")[-1]
        assert (boot.firmware_version if version == "ocpp1.6" else boot.charging_station.firmware_version) == "2.5"
        assert version == "ocpp1.6" or boot.reason == "FirmwareUpdate"


async def test_signed_firmware_is_checked(version: str, files: Files) -> None:
    maker = Authority("maker")
    signer = maker.issue("firmware signer")
    async with station_at(version, firmware_signer=maker.pem) as bench:
        stranger = Authority("stranger").issue("firmware signer")
        action, payload = order(bench, files, stranger)
        assert (await bench.csms.ask(request_of(version, action, payload))).status == "InvalidCertificate"
        action, payload = order(bench, files, signer, good=False)
        assert (await bench.csms.ask(request_of(version, action, payload))).status == "Accepted"
        assert await until(lambda: statuses(bench)[-1:] == ["InvalidSignature"])
        action, payload = order(bench, files, signer)
        assert (await bench.csms.ask(request_of(version, action, payload))).status == "Accepted"
        assert await until(lambda: statuses(bench)[-1:] == ["Installed"])
        assert "SignatureVerified" in statuses(bench)
        assert any(e.type == "InvalidFirmwareSignature" for e in bench.csms.heard("SecurityEventNotification"))


async def test_firmware_that_sticks(version: str, files: Files) -> None:
    async with station_at(version, faults=Faults(firmware_sticks_at="Downloaded")) as bench:
        action, payload = order(bench, files, None)
        await bench.csms.ask(request_of(version, action, payload))
        assert await until(lambda: statuses(bench)[-1:] == ["Downloaded"])
        await asyncio.sleep(0.2)
        assert statuses(bench)[-1] == "Downloaded"


async def test_logs_go_to_where_they_are_wanted(version: str, files: Files) -> None:
    async with station_at(version) as bench:
        log = {"log": {"remoteLocation": f"{files.url}/logs/"}, "logType": "SecurityLog", "requestId": 3}
        answer = await bench.csms.ask(request_of(version, "GetLog", log))
        assert answer.status == "Accepted"
        assert await until(lambda: [e.status for e in bench.csms.heard("LogStatusNotification")] == ["Uploading", "Uploaded"])
        assert b"StartupOfTheDevice" in files.put[f"/logs/{answer.filename}"]
        if version == "ocpp1.6":
            await bench.csms.ask(request_of(version, "GetDiagnostics", {"location": f"{files.url}/d"}))
            assert await until(lambda: [e.status for e in bench.csms.heard("DiagnosticsStatusNotification")] == ["Uploading", "Uploaded"])
        gone = log | {"log": {"remoteLocation": "http://127.0.0.1:1/"}}
        await bench.csms.ask(request_of(version, "GetLog", gone))
        assert await until(lambda: bench.csms.heard("LogStatusNotification")[-1].status == "UploadFailure")


async def test_roots_come_and_go(version: str) -> None:
    use = "CentralSystemRootCertificate" if version == "ocpp1.6" else "CSMSRootCertificate"
    kind = use if version == "ocpp1.6" else [use]
    async with station_at(version) as bench:
        roots = [Authority("one"), Authority("two")]
        for root in roots:
            answer = await bench.csms.ask(request_of(version, "InstallCertificate", {"certificateType": use, "certificate": root.pem}))
            assert answer.status == "Accepted"
        rubbish = {"certificateType": use, "certificate": "no certificate"}
        assert (await bench.csms.ask(request_of(version, "InstallCertificate", rubbish))).status == "Rejected"
        answer = await bench.csms.ask(request_of(version, "GetInstalledCertificateIds", {"certificateType": kind}))
        if version == "ocpp1.6":
            found = list(answer.certificate_hash_data)
        else:
            found = [chain.certificate_hash_data for chain in answer.certificate_hash_data_chain]
        assert [h.serial_number for h in found] == [f"{root.certificate.serial_number:x}" for root in roots]
        for data, status in ((found[0], "Accepted"), (found[0], "NotFound"), (found[1], "Failed")):
            hash_data = {
                "hashAlgorithm": "SHA256", "issuerNameHash": data.issuer_name_hash, "issuerKeyHash": data.issuer_key_hash,
                "serialNumber": data.serial_number,
            }  # fmt: skip
            assert (await bench.csms.ask(request_of(version, "DeleteCertificate", {"certificateHashData": hash_data}))).status == status


def mutual(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A server that lets in who shows a certificate of the authority."""
    certificate, key = authority.issue("127.0.0.1")
    path = folder / "server.pem"
    path.write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem)
    context.load_cert_chain(path)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_new_own_certificate_is_asked_for_and_used(version: str, tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue("CP-1")
    tls = TlsPlan(trusted=authority.pem, certificate=certificate, key=key)
    async with station_at(version, tls=tls, server_tls=mutual(authority, tmp_path), deflate=True) as bench:
        message = "SignChargePointCertificate" if version == "ocpp1.6" else "SignChargingStationCertificate"
        trigger = "ExtendedTriggerMessage" if version == "ocpp1.6" else "TriggerMessage"
        assert (await bench.csms.ask(request_of(version, trigger, {"requestedMessage": message}))).status == "Accepted"
        assert await until(lambda: bench.csms.heard("SignCertificate"))
        stranger = {"certificateChain": Authority().issue("CP-1")[0]}
        assert (await bench.csms.ask(request_of(version, "CertificateSigned", stranger))).status == "Rejected"
        signed = authority.sign_request(bench.csms.heard("SignCertificate")[0].csr)
        assert (await bench.csms.ask(request_of(version, "CertificateSigned", {"certificateChain": signed}))).status == "Accepted"
        assert await until(lambda: len(bench.csms.connections) == 2 and bench.station.online)
        shown = bench.csms.connections[1].transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert ssl.DER_cert_to_PEM_cert(shown).split() == signed.split()
        assert "Authorization" not in bench.csms.connections[1].request.headers
        assert "permessage-deflate" in bench.csms.connections[1].response.headers["Sec-WebSocket-Extensions"]
        bench.station.faults.wrong_certificate = True
        bench.station.drop()
        assert await until(lambda: len(bench.kinds("offline")) >= 4)
        assert not bench.station.online, "a certificate that nobody signed"
        bench.station.faults.wrong_certificate = False
        assert await until(lambda: bench.station.online)
        await charge(bench)


async def test_a_central_system_that_nobody_vouches_for_is_left(version: str, tmp_path: Path) -> None:
    """The line is lost, and once the root is there it is tried again."""
    authority, stranger = Authority(), Authority("stranger")
    certificate, key = authority.issue("CP-1")
    tls = TlsPlan(trusted=authority.pem, certificate=certificate, key=key)
    async with station_at(version, tls=tls, server_tls=mutual(authority, tmp_path)) as bench:
        ((use, root),) = bench.station.certificates.roots
        bench.station.certificates.roots = [(use, stranger.certificate)]
        bench.station.drop()
        assert await until(lambda: any("certificate" in facts["reason"] for facts in bench.kinds("offline")))
        bench.station.certificates.roots = [(use, root)]
        assert await until(lambda: bench.station.online)
        wanted = {"InvalidCsmsCertificate", "InvalidCentralSystemCertificate"}
        assert await until(lambda: wanted & {event.type for event in bench.csms.heard("SecurityEventNotification")})
