"""A firmware update, step by step (1.6 4.5, security whitepaper L01; 2.0.1 part 2 L01, L02).

An image is a text whose first line says `chargebridge-firmware <version>`; any other is installed under the first letters of its SHA-256.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from msgspec import Struct

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.certificates import leads_to, read_chain
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.files import Retries, TransferError, download

MAGIC = b"chargebridge-firmware "


class Order(Struct, frozen=True, kw_only=True):
    """What the Central System asks for. request_id: None for the unsigned updates of 1.6. signature: base64, over the image."""

    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: float | None = None
    request_id: int | None = None
    signing_certificate: str | None = None
    signature: str | None = None


def signer_is_good(order: Order, root: str, now: datetime) -> bool:
    """Whether the signing certificate can be used: readable, valid now, and led to the root if there is one (L01.FR.02)."""
    if order.signing_certificate is None:
        return True
    try:
        chain = read_chain(order.signing_certificate)
        return leads_to(chain, read_chain(root) if root else [chain[-1]], now)
    except ValueError:
        return False


def version_of(image: bytes) -> str:
    if image.startswith(MAGIC):
        return image[len(MAGIC) :].split(b"\n", 1)[0].decode(errors="replace").strip()[:50]
    return hashlib.sha256(image).hexdigest()[:12]


def signature_fits(order: Order, image: bytes) -> bool:
    """ECDSA or RSA (PSS, else PKCS 1.5) over SHA-256, by the key of the signing certificate."""
    if order.signing_certificate is None or order.signature is None:
        return False
    try:
        key = read_chain(order.signing_certificate)[0].public_key()
        signature = base64.b64decode(order.signature, validate=True)
    except ValueError:
        return False
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _verifies(partial(key.verify, signature, image, ec.ECDSA(hashes.SHA256())))
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        schemes: tuple[AsymmetricPadding, ...] = (pss, padding.PKCS1v15())
        return any(_verifies(partial(key.verify, signature, image, scheme, hashes.SHA256())) for scheme in schemes)
    return False


def _verifies(check: Callable[[], None]) -> bool:
    try:
        check()
    except InvalidSignature:
        return False
    return True


class FirmwareUpdate:
    """One update under way. tell: says a status; reboot: restarts into the version that is given."""

    def __init__(self, order: Order, clock: Clock, now: Callable[[], datetime], faults: Faults, step_s: float) -> None:
        self.order = order
        self.status = "Idle"
        self._clock, self._now, self._faults, self._step_s = clock, now, faults, step_s

    async def run(self, tell: Callable[[str], Awaitable[None]], reboot: Callable[[str], None]) -> None:
        order = self.order

        async def say(status: str) -> None:
            self.status = status
            await tell(status)
            if status == self._faults.firmware_sticks_at:
                await asyncio.Event().wait()

        if order.retrieve_at > self._now():
            await say("DownloadScheduled")
            await self._until(order.retrieve_at)
        await say("Downloading")
        try:
            image = await download(order.location, Retries(self._clock, order.retries, order.retry_interval_s))
        except TransferError:
            await say("DownloadFailed")
            return
        await say("Downloaded")
        if order.signing_certificate is not None:
            if not signature_fits(order, image):
                await say("InvalidSignature")
                return
            await say("SignatureVerified")
        if order.install_at is not None and order.install_at > self._now():
            await say("InstallScheduled")
            await self._until(order.install_at)
        await say("Installing")
        await self._clock.sleep(self._step_s)
        await say("InstallRebooting")
        reboot(version_of(image))

    async def _until(self, moment: datetime) -> None:
        await self._clock.sleep(max((moment - self._now()).total_seconds(), 0.0))
