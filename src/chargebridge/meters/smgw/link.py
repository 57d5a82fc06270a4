"""HTTPS to a gateway: TLS 1.2 with one certificate that was pinned, HTTP Digest, answers of bounded length.

Gateways show certificates that no authority vouches for outside of the meter operators' own PKI, so the only proof is the fingerprint. It is
compared within the handshake: a foreign certificate ends it before a byte of ours, user name or digest, has gone out.
"""

import hashlib
import re
import ssl
from collections.abc import Generator
from types import TracebackType
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from chargebridge.wire.smgw import Fault, SmgwError
from chargebridge.wire.smgw.value import MAX_ANSWER, content_error

CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 10.0, 60.0
"""A CONEXA takes seconds for its usage points, a PPC half a minute for a signed month."""
_ANNOUNCED = re.compile(r'algorithm\s*=\s*"?SHA-256"?', re.IGNORECASE)
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PATIENCE = frozenset((429, 503))


class _PinnedObject(ssl.SSLObject):
    """The side of a handshake that looks at the other's certificate as soon as it is done."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        assert isinstance(context, PinnedContext)
        context.certificate = self.getpeercert(binary_form=True)
        if context.seen is None or context.seen != context.pin:
            raise ssl.SSLError("the certificate is not the pinned one")


class PinnedContext(ssl.SSLContext):
    """A client's context that accepts one certificate. pin: SHA-256 of its DER form, hexadecimal; None accepts none at all."""

    sslobject_class = _PinnedObject
    pin: str | None = None
    certificate: bytes | None = None

    @property
    def seen(self) -> str | None:
        """Fingerprint of the certificate that was shown last."""
        return None if self.certificate is None else hashlib.sha256(self.certificate).hexdigest()


def context(
    pin: str | None, *, curve: str | None = None, cert_file: str | None = None, key_file: str | None = None, key_password: str | None = None
) -> PinnedContext:
    """curve: the only one to offer; by default those of OpenSSL, with secp384r1, the only one that a CONEXA takes, among them.

    Raises ``OSError`` or ``ValueError`` for files or a curve that cannot be used.
    """
    made = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.pin = pin
    if curve is not None:
        made.set_ecdh_curve(curve)
    if cert_file is not None:
        made.load_cert_chain(cert_file, key_file, key_password or "")
    return made


class GatewayDigest(httpx.DigestAuth):
    """HTTP Digest (RFC 7616). force_md5: a CONEXA announces SHA-256 and reckons with MD5 (firmware 3.87)."""

    def __init__(self, user: str, password: str, *, force_md5: bool) -> None:
        super().__init__(user, password)
        self._force_md5 = force_md5

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        flow = super().auth_flow(request)
        try:
            asked = next(flow)
            while True:
                response = yield asked
                challenge = response.headers.get("www-authenticate")
                if self._force_md5 and challenge is not None:
                    response.headers["www-authenticate"] = _ANNOUNCED.sub("algorithm=MD5", challenge)
                asked = flow.send(response)
        except StopIteration:
            return
        except httpx.ProtocolError as problem:
            raise content_error(f"the gateway's log-in cannot be understood: {problem}") from None


class Answer(Struct, frozen=True):
    """status: of HTTP. location: the path of a redirect to the same gateway."""

    status: int
    body: bytes
    location: str | None = None


class Link:
    """One talk. ``async with`` opens it; leaving closes the connection. auth None: ask without logging in."""

    def __init__(self, host: str, port: int, pinned: PinnedContext, auth: httpx.Auth | None) -> None:
        self.context = pinned
        pinned.certificate = None
        self._host = host
        self._client = httpx.AsyncClient(
            base_url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            verify=pinned,
            auth=auth,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=1),
        )

    async def __aenter__(self) -> "Link":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    def cookie(self, name: str) -> str | None:
        """A cookie that the gateway has set."""
        return next((cookie.value for cookie in self._client.cookies.jar if cookie.name == name), None)

    async def get(self, path: str) -> Answer:
        """Raises ``SmgwError`` for whatever is neither content nor a redirect."""
        return _checked(await self.ask("GET", path))

    async def post_form(self, path: str, fields: dict[str, str]) -> bytes:
        return _checked(await self.ask("POST", path, data=fields)).body

    async def post_json(self, path: str, body: bytes) -> bytes:
        """With the length in the header that one firmware wants beside the usual one."""
        headers = {"Content-Type": "application/json", "X-Content-Length": str(len(body))}
        return _checked(await self.ask("POST", path, content=body, headers=headers)).body

    async def ask(
        self,
        method: str,
        path: str,
        *,
        data: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Any answer, whatever its status. Raises ``SmgwError`` where there is none, and for those that ask for patience."""
        try:
            async with self._client.stream(method, path, data=data, content=content, headers=headers) as response:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise content_error(f"an answer longer than {MAX_ANSWER} bytes")
                if response.status_code in _PATIENCE:
                    raise SmgwError(
                        Fault.BUSY, f"the gateway asks for patience ({response.status_code})", "ask less often: every=", _retry(response)
                    )
                return Answer(response.status_code, bytes(body), self._location(response))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as problem:
            raise self._failure(problem) from None

    def _failure(self, problem: Exception) -> SmgwError:
        seen = self.context.seen
        if seen is None or seen == self.context.pin:
            return SmgwError(
                Fault.LINK,
                f"no answer: {str(problem) or type(problem).__name__}",
                "check cable, address and that it is a gateway's HAN port",
            )
        if self.context.pin is None:
            return SmgwError(
                Fault.CERTIFICATE,
                f"its certificate has the fingerprint sha256:{seen}, and none was told",
                f"make sure that you are at the gateway itself, then add fingerprint=sha256:{seen}",
            )
        return SmgwError(
            Fault.CERTIFICATE,
            f"its certificate has the fingerprint sha256:{seen}, not the one told",
            "ask the meter operator whether gateway or certificate were changed; if not, somebody stands between",
        )

    def _location(self, response: httpx.Response) -> str | None:
        """Where a redirect leads; elsewhere than to this gateway nobody follows."""
        if response.status_code not in _REDIRECTS:
            return None
        target = urlsplit(response.headers.get("location", ""))
        return target.path if target.path and target.hostname in (None, self._host) else None


def _checked(answer: Answer) -> Answer:
    if answer.status in (401, 403):
        raise SmgwError(
            Fault.REFUSED,
            f"the gateway refuses user or password ({answer.status})",
            "check both against the meter operator's letter (no full stop at the end); then restart",
        )
    if answer.status == 423:
        raise SmgwError(Fault.LOCKED, "the gateway has locked this user (423)", "wait; if it stays so, ask the meter operator")
    if answer.status >= 400:
        raise SmgwError(
            Fault.CONTENT, f"the gateway answered {answer.status}", "check vendor=; if it is right, report it with the firmware's version"
        )
    return answer


def _retry(response: httpx.Response) -> float | None:
    """Seconds of a ``Retry-After`` header."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None
