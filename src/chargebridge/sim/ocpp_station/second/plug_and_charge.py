"""What a 2.x station does for ISO 15118: cars show a contract (C07) or ask for one (M01, M02), and its own certificates are asked about (M06)."""

from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from chargebridge.sim.ocpp_station.certificates import hash_of, leads_to, read_chain
from chargebridge.sim.ocpp_station.second.security import hash_data
from chargebridge.sim.ocpp_station.second.words import entry_of
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

CONTRACT_ROOT = "MORootCertificate"
SCHEMA_2, SCHEMA_20 = "urn:iso:15118:2:2013:MsgDef", "urn:iso:std:iso:15118:-20:CommonMessages"


class PlugAndCharge:
    """chains: PEM, the leaf first, without the root."""

    def __init__(self, station: "VirtualStation") -> None:
        self._station = station

    async def identify(self, evse: int, chain: str) -> str:
        """A car shows its contract. The certificateStatus of the Central System, "" without an answer; where all is accepted, the car is let in.

        A chain that the station can check itself goes as hashes, another one whole (C07.FR.02, C07.FR.06).
        """
        station, certificates = self._station, read_chain(chain)
        emaid = str(certificates[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        roots = station.certificates.trusted(CONTRACT_ROOT)
        known = leads_to(certificates, roots, station.now())
        hashed = tuple(self._question(one, issuer) for one, issuer in _with_issuers(certificates, roots)) if known else None
        request = v21.AuthorizeRequest(
            id_token=v21.IdTokenType(id_token=emaid, type="eMAID"),
            certificate=given(None if known else chain),
            iso15118_certificate_hash_data=given(hashed),
        )
        response = await station.uplink.ask(request)
        if not isinstance(response, v21.AuthorizeResponse):
            return ""
        entry = entry_of(response.id_token_info)
        status = response.certificate_status or ""
        if status == "Accepted" and entry.allows(station.now()):
            station.admission.admit(station.evses[evse], emaid, entry.group)
        return status

    async def ocsp(self, chain: str) -> str | None:
        """The responder's answer about a chain's first certificate, base64; None: it could not be had (M06)."""
        certificate, issuer = read_chain(chain)[:2]
        response = await self._station.uplink.ask(v21.GetCertificateStatusRequest(ocsp_request_data=self._question(certificate, issuer)))
        if not isinstance(response, v21.GetCertificateStatusResponse) or response.status != "Accepted":
            return None
        return response.ocsp_result or None

    async def contracts(self, exi: str, action: Literal["Install", "Update"] = "Install", most: int | None = None) -> list[str]:
        """The EXI answers for a car, one for each contract; most: how many it takes, by ISO 15118-20 (M01.FR.03, M01.FR.06)."""
        request = v21.Get15118EVCertificateRequest(
            iso15118_schema_version=SCHEMA_2 if most is None else SCHEMA_20,
            action=action,
            exi_request=exi,
            maximum_contract_certificate_chains=given(most),
        )
        found: list[str] = []
        while True:
            response = await self._station.uplink.ask(request)
            if not isinstance(response, v21.Get15118EVCertificateResponse) or response.status != "Accepted":
                return found
            found.append(response.exi_response)
            if not response.remaining_contracts:
                return found

    @staticmethod
    def _question(certificate: x509.Certificate, issuer: x509.Certificate) -> v21.OCSPRequestDataType:
        told = hash_data(hash_of(certificate, issuer))
        return v21.OCSPRequestDataType(
            hash_algorithm=told.hash_algorithm,
            issuer_name_hash=told.issuer_name_hash,
            issuer_key_hash=told.issuer_key_hash,
            serial_number=told.serial_number,
            responder_url=_responder(certificate),
        )


def _with_issuers(chain: list[x509.Certificate], roots: list[x509.Certificate]) -> list[tuple[x509.Certificate, x509.Certificate]]:
    root = next(root for root in roots if root.subject == chain[-1].issuer)
    return list(zip(chain, [*chain[1:], root], strict=True))


def _responder(certificate: x509.Certificate) -> str:
    """ "" where it names none."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ""
    return next((str(one.access_location.value) for one in access if one.access_method == AuthorityInformationAccessOID.OCSP), "")
