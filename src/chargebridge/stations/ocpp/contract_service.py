"""Contract certificates for cars (ISO 15118 CertificateInstallation, CertificateUpdate): asked for at a contract certificate pool.

OCPP 2.0.1 part 2 M01, M02; several contracts of one car by ISO 15118-20: 2.1 M01. What car and pool say to each other is EXI, sealed between
them: it goes through as it is. The pool is asked in the form of the Open Plug&Charge Protocol (``POST /v1/ccp/signedContractData``), as public
back ends do. Its public form knows no updates and nothing of ISO 15118-20: those fields are our own.
"""

import asyncio
import ssl
from collections import OrderedDict
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, cast

import httpx
import msgspec
import structlog
from msgspec import Struct, field

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.stations import events
from chargebridge.stations.ocpp.settings import ContractService
from chargebridge.wire.ocpp import v21, v201
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

PATH = "/v1/ccp/signedContractData"
MAX_ANSWER = 512 * 1024  # bytes
MAX_EXI = {"ocpp2.0.1": 7500, "ocpp2.1": 17_000}  # characters of exiResponse, the schemas' own bounds
KEPT = timedelta(minutes=10)  # a car comes for its further contracts at once (M01.FR.06)
MAX_KEPT = 256  # cars that are coming for further ones


class ContractServiceError(ChargebridgeError):
    """The pool has no contract for the car, or did not answer as it should. code: for the station's StatusInfo."""

    def __init__(self, where: str, code: str, reason: str, cure: str) -> None:
        super().__init__(where, reason, cure)
        self.code = code


class _Message(Struct, rename="camel"):
    certificate_installation_res: str
    emaid: str = ""


class _Content(Struct, rename="camel"):
    message_def: _Message


class _Response(Struct, rename="camel"):
    emaid_content: list[_Content]


class _Answer(Struct):
    response: _Response = field(name="CCPResponse")


class Wanted(Struct, frozen=True, kw_only=True):
    """What a car asks for. exi: base64, as it came. chains, emaids: by ISO 15118-20, how many contracts it takes and which first."""

    action: str
    schema: str
    exi: str
    chains: int | None = None
    emaids: tuple[str, ...] = ()


class ContractDesk:
    """See the module. service: None answers that there is nobody to ask."""

    def __init__(self, service: ContractService | None, clock: Clock) -> None:
        self.service = service
        self._clock = clock
        self._left: OrderedDict[tuple[str, Wanted], tuple[datetime, list[str]]] = OrderedDict()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def answer(self, station: "OcppStation", request: Payload) -> Payload:
        """Get15118EVCertificate."""
        asked = cast(v201.Get15118EVCertificateRequest, request)
        chains = getattr(request, "maximum_contract_certificate_chains", None)
        wanted = Wanted(
            action=asked.action,
            schema=asked.iso15118_schema_version,
            exi=asked.exi_request,
            chains=chains if isinstance(chains, int) else None,
            emaids=tuple(getattr(request, "prioritized_emai_ds", None) or ()),
        )
        await station.sink.told(station.identity, events.ContractRequested(action=wanted.action, schema=wanted.schema, exi=wanted.exi))
        assert station.language is not None
        most = MAX_EXI[station.language.dialect.name]
        try:
            exi, left = await self._next(station.identity, wanted)
            if len(exi) > most:
                raise _failed(f"contract of {station.identity}", "TooLarge", f"the answer has more than {most} characters")
        except ContractServiceError as error:
            log.warning("no contract certificate", station=station.identity, code=error.code, reason=error.reason)
            why = v201.StatusInfoType(reason_code=error.code, additional_info=error.reason[:512])
            return v201.Get15118EVCertificateResponse(status="Failed", exi_response="", status_info=why)
        if wanted.chains is None:
            return v201.Get15118EVCertificateResponse(status="Accepted", exi_response=exi)
        return v21.Get15118EVCertificateResponse(status="Accepted", exi_response=exi, remaining_contracts=left)

    async def _next(self, station: str, wanted: Wanted) -> tuple[str, int]:
        """(EXI for the car, how many more there are for it). The same question again is for the next one (M01.FR.04, M01.FR.07)."""
        now = self._clock.now()
        since, found = self._left.pop((station, wanted), (now, []))
        if not found or now - since > KEPT:
            since, found = now, await self._fetch(wanted)
        first, *rest = found
        if rest and wanted.chains is not None:
            self._left[station, wanted] = (since, rest)
            while len(self._left) > MAX_KEPT:
                self._left.popitem(last=False)
        return first, len(rest)

    async def _fetch(self, wanted: Wanted) -> list[str]:
        """What the pool has for the car, at least one. Raises ContractServiceError."""
        if self.service is None:
            raise _failed("contract certificates", "NotConfigured", "there is no contract certificate pool to ask")
        where = f"{self.service.url.rstrip('/')}{PATH}"
        body = {"certificateInstallationReq": wanted.exi, "xsdMsgDefNamespace": wanted.schema}
        if wanted.action == "Update":
            body = {"certificateUpdateReq": wanted.exi, "xsdMsgDefNamespace": wanted.schema}
        more = {} if wanted.chains is None else {"maximumContractCertificateChains": wanted.chains, "prioritizedEMAIDs": wanted.emaids}
        headers = {"Authorization": f"Bearer {self.service.token}"} if self.service.token else {}
        try:
            async with (
                asyncio.timeout(self.service.timeout_s),
                httpx.AsyncClient(verify=self._tls, timeout=self.service.timeout_s, trust_env=False, headers=headers) as client,
                client.stream("POST", where, json=body | more) as response,
            ):
                content = bytearray()
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > MAX_ANSWER:
                        raise _failed(where, "PoolError", f"sent more than {MAX_ANSWER} bytes")
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failed(where, "PoolUnreachable", f"cannot be asked ({str(error) or type(error).__name__})") from error
        if response.status_code == 404:
            raise _failed(where, "NoContract", "knows no contract for this car")
        if response.status_code != 200:
            raise _failed(where, "PoolError", f"answered {response.status_code}")
        try:
            contents = msgspec.json.decode(content, type=_Answer).response.emaid_content
        except msgspec.DecodeError as error:
            raise _failed(where, "PoolError", f"did not answer as a contract certificate pool does ({error})") from error
        if not contents:
            raise _failed(where, "NoContract", "knows no contract for this car")
        return [one.message_def.certificate_installation_res for one in contents][: max(wanted.chains or 1, 1)]


def _failed(where: str, code: str, reason: str) -> ContractServiceError:
    return ContractServiceError(where, code, reason, "see contract_service in [ocpp], and the contract with the pool's operator")
