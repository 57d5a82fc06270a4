"""The requests by which stations' credentials, certificates and network profiles are managed, in the words of each version.

What is 2.0.1's here is right in 2.1 too (`Dialect.extends`), which has two words of its own.
"""

from typing import Literal

from chargebridge.stations.ocpp.language import Language
from chargebridge.wire.ocpp import v16, v21, v201
from chargebridge.wire.ocpp.payload import Payload

MESSAGE_TIMEOUT_S = 30  # what a station is told to wait for an answer of ours (NetworkConnectionProfile)


def is_16(language: Language) -> bool:
    return language.dialect.name == "ocpp1.6"


def password_setting(language: Language) -> str:
    """Where a station keeps its password: A01.FR.01 of either generation."""
    return "AuthorizationKey" if is_16(language) else "SecurityCtrlr.BasicAuthPassword"


def install_root(language: Language, pem: str) -> Payload:
    if is_16(language):
        return v16.InstallCertificateRequest(certificate_type="CentralSystemRootCertificate", certificate=pem)
    return v201.InstallCertificateRequest(certificate_type="CSMSRootCertificate", certificate=pem)


def ask_for_request(language: Language) -> Payload:
    """Let the station make a new key and send a SignCertificate (A02)."""
    if is_16(language):
        return v16.ExtendedTriggerMessageRequest(requested_message="SignChargePointCertificate")
    return v201.TriggerMessageRequest(requested_message="SignChargingStationCertificate")


def certificate_signed(language: Language, chain: str, request: Payload) -> Payload:
    """chain: leaf first. The kind that the station named comes back to it (A02.FR.14), in 2.1 with its requestId."""
    if isinstance(request, v21.SignCertificateRequest):
        return v21.CertificateSignedRequest(
            certificate_chain=chain, certificate_type=request.certificate_type, request_id=request.request_id
        )
    if isinstance(request, v201.SignCertificateRequest):
        return v201.CertificateSignedRequest(certificate_chain=chain, certificate_type=request.certificate_type)
    return v16.CertificateSignedRequest(certificate_chain=chain)


def sign_answer(language: Language, *, accepted: bool, why: str = "") -> Payload:
    status: Literal["Accepted", "Rejected"] = "Accepted" if accepted else "Rejected"
    if is_16(language):
        return v16.SignCertificateResponse(status=status)
    if accepted:
        return v201.SignCertificateResponse(status=status)
    return v201.SignCertificateResponse(status=status, status_info=v201.StatusInfoType(reason_code="InvalidCSR", additional_info=why[:512]))


def network_profile(language: Language, slot: int, url: str, profile: int, interface: v201.OCPPInterfaceEnum) -> Payload:
    """A way to us in one of the station's slots (B09). url: without the identity, which the station adds."""
    if language.dialect.name == "ocpp2.1":
        return v21.SetNetworkProfileRequest(
            configuration_slot=slot,
            connection_data=v21.NetworkConnectionProfileType(
                ocpp_version="OCPP21",
                ocpp_interface=interface,
                ocpp_transport="JSON",
                message_timeout=MESSAGE_TIMEOUT_S,
                ocpp_csms_url=url,
                security_profile=profile,
            ),
        )
    return v201.SetNetworkProfileRequest(
        configuration_slot=slot,
        connection_data=v201.NetworkConnectionProfileType(
            ocpp_version="OCPP20",
            ocpp_interface=interface,
            ocpp_transport="JSON",
            message_timeout=MESSAGE_TIMEOUT_S,
            ocpp_csms_url=url,
            security_profile=profile,
        ),
    )
