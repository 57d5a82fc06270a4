"""What OCPP 2.1 adds to 2.0.1, spoken by the Central System."""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from chargebridge.stations.events import CostTold
from chargebridge.stations.ocpp.language201 import Language201
from chargebridge.stations.ocpp.session import Session
from chargebridge.stations.ocpp.told21 import ASKED, TOLD
from chargebridge.stations.ocpp.told201 import said
from chargebridge.stations.ocpp.words21 import WORDS
from chargebridge.wire.ocpp import V21, v21
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

ASK_AGAIN = timedelta(days=1)  # a certificate status that could not be had is asked for again


class Language21(Language201):
    """The `Language` of OCPP 2.1."""

    dialect = V21
    tellings = TOLD
    words = WORDS

    async def handle(self, station: "OcppStation", session: Session, request: Payload) -> Payload:
        if isinstance(request, v21.TransactionEventRequest) and request.cost_details:
            told = CostTold(transaction=request.transaction_info.transaction_id, details=said(request.cost_details))
            await station.sink.told(station.identity, told)
        asked = ASKED.get(self.dialect.action(request))
        if asked is None:
            return await super().handle(station, session, request)
        taken = await station.sink.told(station.identity, asked(request))
        match request:
            case v21.GetCertificateChainStatusRequest():
                return self._chain_status(station, request)
            case v21.PullDynamicScheduleUpdateRequest():
                return self._dynamic_values(station, request)
        vat = cast(v21.VatNumberValidationRequest, request)
        return v21.VatNumberValidationResponse(status="Accepted" if taken else "Rejected", vat_number=vat.vat_number, evse_id=vat.evse_id)

    def _chain_status(self, station: "OcppStation", request: v21.GetCertificateChainStatusRequest) -> Payload:
        """Nobody here asks OCSP responders: said so for each certificate, in order (M07.FR.02, M07.FR.05, M07.FR.08)."""
        again = station.now() + ASK_AGAIN
        statuses = tuple(
            v21.CertificateStatusType(
                certificate_hash_data=wanted.certificate_hash_data, source=wanted.source, status="Failed", next_update=again
            )
            for wanted in request.certificate_status_requests
        )
        return v21.GetCertificateChainStatusResponse(certificate_status=statuses)

    def _dynamic_values(self, station: "OcppStation", request: v21.PullDynamicScheduleUpdateRequest) -> Payload:
        """The newest values of a dynamic profile of ours (K28.FR.07); another one is none (K28.FR.12)."""
        values = station.dynamic.get(request.charging_profile_id)
        if values is None:
            reason = v21.StatusInfoType(reason_code="InvalidProfile")
            return v21.PullDynamicScheduleUpdateResponse(status="Rejected", status_info=reason)
        return v21.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=values)
