"""What customers take with them: the signed values of a session, by the unguessable id of its proof."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chargebridge.app.web.access import Access
from chargebridge.app.web.api_schema import Json, gives
from chargebridge.app.web.doors import address, plain, refused_driver
from chargebridge.model.errors import UnknownNameError
from chargebridge.site.proof.view import ProofView
from chargebridge.site.view import SiteService

ID_MAX = 64


def proving(service: SiteService, access: Access) -> APIRouter:
    """Open to whoever has the link; who guesses has to wait."""
    router = APIRouter(include_in_schema=False)

    @router.get("/proof/{proof}.xml")
    async def download(request: Request, proof: str) -> Response:
        who = address(request)
        if (wait_s := access.keys.wait_s(who)) > 0:
            return refused_driver(wait_s)
        found = None if service.proof is None else await service.proof.safe_xml(proof[:ID_MAX])
        if found is None:
            access.keys.attempt(who)
            return plain("No such proof", "<p>The link may have been copied only in part.</p>", 404)
        name = f"signed-values-{proof[:8]}.xml"
        return Response(found, media_type="application/xml", headers={"Content-Disposition": f'attachment; filename="{name}"'})

    return router


def add_proofs(router: APIRouter, service: SiteService) -> None:
    """For the owner."""

    @router.get(
        "/sessions/{session}/proof",
        responses=gives(ProofView),
        tags=["sessions"],
        summary="What was signed of a session, and whether it holds; made anew from the records",
    )
    async def proof(session: str) -> Response:
        found = None if service.proof is None else await service.proof.of_session(session)
        if found is None:
            where = f"sessions/{session[:20]}/proof"
            raise UnknownNameError(where, "there is none", "only sessions at points with calibrated = true have one")
        return Json(found)
