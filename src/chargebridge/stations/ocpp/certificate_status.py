"""Answers stations that ask whether certificates are revoked, so that they need no way to the responders themselves (2.0.1, 2.1 part 2 M06; 2.1 M07).

M06 passes the responder's own answer on: the car checks its signature. M07 gives our word for it, and so needs an answer that is proven.
"""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import structlog

from chargebridge.model.clock import Clock
from chargebridge.stations import events
from chargebridge.stations.ocpp.lookup import Lookup
from chargebridge.stations.ocpp.revocation import UnprovenError, as_text, named, unproven
from chargebridge.stations.ocpp.told201 import all_said, said
from chargebridge.wire.ocpp import v21, v201
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

ASK_AGAIN = timedelta(hours=1)  # what could not be had is asked for again by then
MAX_RESULT = {"ocpp2.0.1": 5500, "ocpp2.1": 18_000}  # characters of ocspResult, the schemas' own bounds


class StatusDesk:
    """See the module."""

    def __init__(self, lookup: Lookup, clock: Clock) -> None:
        self._lookup = lookup
        self._clock = clock

    async def answer(self, station: "OcppStation", request: Payload) -> Payload:
        """GetCertificateStatus: of one certificate, by OCSP."""
        asked = cast(v201.GetCertificateStatusRequest, request).ocsp_request_data
        await station.sink.told(station.identity, events.RevocationAsked(certificates=(said(asked),)))
        assert station.language is not None
        try:
            text = as_text(await self._lookup.by_ocsp(named(asked), (asked.responder_url,)))
            if len(text) > MAX_RESULT[station.language.dialect.name]:
                raise unproven(asked.responder_url, "the answer is longer than a station may be told")
        except UnprovenError as error:
            why = v201.StatusInfoType(reason_code="NoOCSPResponse", additional_info=f"{error.where}: {error.reason}"[:512])
            return v201.GetCertificateStatusResponse(status="Failed", status_info=why)
        return v201.GetCertificateStatusResponse(status="Accepted", ocsp_result=text)

    async def answer_chain(self, station: "OcppStation", request: Payload) -> Payload:
        """GetCertificateChainStatus: of each certificate of a vehicle's chain, in order, by OCSP or by list (M07.FR.08)."""
        asked = cast(v21.GetCertificateChainStatusRequest, request).certificate_status_requests
        await station.sink.told(station.identity, events.RevocationAsked(certificates=all_said(asked)))
        return v21.GetCertificateChainStatusResponse(certificate_status=tuple(await asyncio.gather(*(self._one(one) for one in asked))))

    async def _one(self, asked: v21.CertificateStatusRequestInfoType) -> v21.CertificateStatusType:
        status: v21.CertificateStatusEnum = "Failed"
        until = self._clock.now() + ASK_AGAIN
        try:
            wanted = named(asked.certificate_hash_data)
            found = await (self._lookup.by_ocsp if asked.source == "OCSP" else self._lookup.by_list)(wanted, asked.urls)
            if not found.proven:
                raise unproven(str(wanted), "its issuer is not among the vehicle_roots, so the answer could be anybody's")
            status, until = found.status, found.until
        except UnprovenError as error:
            log.warning("certificate status failed", where=error.where, reason=error.reason)
        return v21.CertificateStatusType(
            certificate_hash_data=asked.certificate_hash_data, source=asked.source, status=status, next_update=until.replace(microsecond=0)
        )
