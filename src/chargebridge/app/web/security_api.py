"""The REST API for the security of stations: their credentials, certificates and profiles."""

from fastapi import APIRouter, Response

from chargebridge.app.web.api_schema import Json, gives
from chargebridge.app.web.station_schema import UpgradeBody
from chargebridge.site.operation.security_view import (
    InstalledCertificate,
    InstalledCertificates,
    StationSecurity,
    UpgradeStep,
)
from chargebridge.site.view import SiteService
from chargebridge.stations.port import Answer, Outcome


def add_security(router: APIRouter, service: SiteService) -> None:
    @router.get(
        "/stations/{station}/security", responses=gives(StationSecurity), tags=["security"], summary="How a station proves who it is"
    )
    async def shown(station: str) -> Response:
        return Json(StationSecurity.of(service.stations.security, station))

    @router.post(
        "/stations/{station}/security/password",
        responses=gives(Answer),
        tags=["security"],
        summary="Give it a new random password; the old one ends when it has shown the new one",
    )
    async def password(station: str) -> Response:
        return Json(await service.stations.security.rotate_password(station))

    @router.post(
        "/stations/{station}/security/certificate",
        responses=gives(Answer),
        tags=["security"],
        summary="Let it make a new key and ask for a certificate",
    )
    async def certificate(station: str) -> Response:
        return Json(await service.stations.security.renew_certificate(station))

    @router.post(
        "/stations/{station}/security/root", responses=gives(Answer), tags=["security"], summary="Install the root of our CA in it"
    )
    async def root(station: str) -> Response:
        return Json(await service.stations.security.install_root(station))

    @router.get(
        "/stations/{station}/security/installed",
        responses=gives(InstalledCertificates),
        tags=["security"],
        summary="The certificates that the station itself says it has",
    )
    async def installed(station: str) -> Response:
        told = await service.stations.security.installed(station)
        if isinstance(told, Answer):
            return Json(InstalledCertificates(answer=told, certificates=()))
        found = tuple(InstalledCertificate(use=one.use, serial=one.serial, below=one.below) for one in told)
        return Json(InstalledCertificates(answer=Answer(outcome=Outcome.ACCEPTED), certificates=found))

    @router.delete(
        "/stations/{station}/security/installed/{serial}",
        responses=gives(Answer),
        tags=["security"],
        summary="Let the station delete a certificate that it has",
    )
    async def delete(station: str, serial: str) -> Response:
        return Json(await service.stations.security.delete_certificate(station, serial))

    @router.post(
        "/stations/{station}/security/profile",
        responses=gives(UpgradeStep, many=True),
        tags=["security"],
        summary="Bring it to a higher security profile; each step with its answer",
    )
    async def profile(station: str, body: UpgradeBody) -> Response:
        steps = await service.stations.security.upgrade(station, body.security_profile, body.url, body.slot)
        return Json([UpgradeStep(step.what, step.answer) for step in steps])
