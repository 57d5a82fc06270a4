"""Certificates (2.x part 2 A02, M)."""

from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.certificates import CertificateHash
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation


def _signed(station: "VirtualStation", voice: "VoiceSecond", request: v21.CertificateSignedRequest) -> Payload:
    own = not request.certificate_type or request.certificate_type == "ChargingStationCertificate"
    done = own and station.maintenance.certificate_signed(request.certificate_chain)
    return v21.CertificateSignedResponse(status="Accepted" if done else "Rejected")


def _install(station: "VirtualStation", voice: "VoiceSecond", request: v21.InstallCertificateRequest) -> Payload:
    status = station.certificates.install(request.certificate_type, request.certificate, station.clock.now())
    return v21.InstallCertificateResponse(status=cast(v21.InstallCertificateStatusEnum, status))


def _delete(station: "VirtualStation", voice: "VoiceSecond", request: v21.DeleteCertificateRequest) -> Payload:
    told = request.certificate_hash_data
    status = station.certificates.delete(CertificateHash(told.issuer_name_hash, told.issuer_key_hash, told.serial_number))
    return v21.DeleteCertificateResponse(status=cast(v21.DeleteCertificateStatusEnum, status))


def _ids(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetInstalledCertificateIdsRequest) -> Payload:
    wanted = set(request.certificate_type) if request.certificate_type else None
    found = tuple(
        v21.CertificateHashDataChainType(certificate_type=cast(v21.GetCertificateIdUseEnum, use), certificate_hash_data=hash_data(found))
        for use, found in station.certificates.hashes({str(use) for use in wanted} if wanted is not None else None)
    )
    return v21.GetInstalledCertificateIdsResponse(
        status="Accepted" if found else "NotFound", certificate_hash_data_chain=given(found or None)
    )


def hash_data(found: CertificateHash) -> v21.CertificateHashDataType:
    return v21.CertificateHashDataType(
        hash_algorithm="SHA256", issuer_name_hash=found.issuer_name, issuer_key_hash=found.issuer_key, serial_number=found.serial
    )


ANSWERS: Answers = {
    v21.CertificateSignedRequest: _signed,
    v21.DeleteCertificateRequest: _delete,
    v21.GetInstalledCertificateIdsRequest: _ids,
    v21.InstallCertificateRequest: _install,
}
