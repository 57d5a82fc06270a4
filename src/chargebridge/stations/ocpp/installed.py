"""The certificates that a station has installed: told by itself, and deleted in its own words (2.x part 2 M03, M04; 1.6 whitepaper: the same)."""

from typing import TYPE_CHECKING

from msgspec import Struct

from chargebridge.stations.commands import DeleteCertificate, GetCertificateIds
from chargebridge.stations.events import Said
from chargebridge.stations.port import Answer, Outcome

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

USES_16 = ("CSMSRootCertificate", "ManufacturerRootCertificate")  # 1.6 is asked for one at a time


class Installed(Struct, frozen=True, kw_only=True):
    """use: as 2.x names it. serial: hex. hash_data: CertificateHashDataType, as the station told it. below: whether under another of its list."""

    use: str
    serial: str
    hash_data: Said
    below: bool = False


async def installed(station: "OcppStation") -> tuple[Installed, ...] | Answer:
    """What the station tells; an Answer when it tells nothing."""
    is_16 = station.language is not None and station.language.dialect.name == "ocpp1.6"
    found: list[Installed] = []
    questions: list[tuple[str, ...]] = [(use,) for use in USES_16] if is_16 else [()]
    for uses in questions:
        reply = await station.command(GetCertificateIds(uses=uses))
        if reply.response is None:
            return Answer(outcome=reply.outcome, detail=reply.detail)
        if reply.response["status"] != "Accepted":  # NotFound: there is none
            continue
        plain = reply.response.get("certificateHashData", ())  # 1.6
        found += [Installed(use=uses[0], serial=data["serialNumber"], hash_data=data) for data in plain]
        for chain in reply.response.get("certificateHashDataChain", ()):
            own, children = chain["certificateHashData"], chain.get("childCertificateHashData", ())
            found.append(Installed(use=chain["certificateType"], serial=own["serialNumber"], hash_data=own))
            found += [Installed(use=chain["certificateType"], serial=data["serialNumber"], hash_data=data, below=True) for data in children]
    return tuple(found)


async def delete(station: "OcppStation", serial: str) -> Answer:
    """Named as the station itself names it: by the hashes, and the kind of hash, that it told (M04.FR.07)."""
    found = await installed(station)
    if isinstance(found, Answer):
        return found
    wanted = next((one for one in found if one.serial.lstrip("0").casefold() == serial.lstrip("0").casefold()), None)
    if wanted is None:
        return Answer(outcome=Outcome.REJECTED, detail=f"the station has no certificate {serial}")
    reply = await station.command(DeleteCertificate(certificate=wanted.hash_data))
    return Answer(outcome=reply.outcome, detail=reply.detail)
