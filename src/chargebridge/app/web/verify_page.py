"""``/verify``: what a customer does with his invoice, without an account: he drops the file with the signed values, or follows the link.

What he uploads stays in memory while it is looked at. The work for one file is bounded, files are looked at one after another, and an address that
sends many has to wait; so the site goes on controlling.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from chargebridge.app.web import verify_html, words
from chargebridge.app.web.access import Access
from chargebridge.app.web.doors import address, plain
from chargebridge.app.web.proving import ID_MAX
from chargebridge.app.web.shown.verified import Sheet, of_checked, of_proof
from chargebridge.calibration.transparency import Registered, check_file
from chargebridge.site.view import SiteService
from chargebridge.wire.signed.container import MAX_BYTES, with_signatures
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key

WORK_MAX = 1000
"""Signatures for a file; see ``check_file``."""
_TITLE = "Check your invoice"
_FORM_MAX = MAX_BYTES + 64 * 1024
_DRAINED_MAX = 32 * 1024 * 1024
"""What is read and thrown away, so that a browser that sends too much gets to see why it was refused."""
_READ_S = 60.0
_AT_ONCE = 8
_FILES_MAX = 20
_TAKEN = """<p><a class="cb-verify-file" href="/proof/{id}.xml" download>Download the signed values (S.A.F.E. XML)</a></p>
<p class="cb-hint">They were checked anew, a moment ago, as the meter signed them. You need not take our word for it: the S.A.F.E. transparency
software opens the file, and so does <a href="/verify">this page</a> at any other site that checks such files.</p>"""
_PRIVATE = {"Cache-Control": "no-store"}


class _InMemory(MultiPartParser):
    spool_max_size = _FORM_MAX


def verifying(service: SiteService, access: Access) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    reading, one_at_a_time = asyncio.Semaphore(_AT_ONCE), asyncio.Lock()

    @router.get("/verify")
    async def ask() -> Response:
        return plain(_TITLE, verify_html.intro())

    @router.post("/verify")
    async def check(request: Request) -> Response:
        who = address(request)
        if (wait_s := access.checks.wait_s(who)) > 0:
            return _wait(wait_s)
        if reading.locked():
            return _wait(5, 503)
        access.checks.attempt(who)
        try:
            async with reading:
                async with asyncio.timeout(_READ_S):
                    files, key = await _form(request)
                registered = None if service.proof is None else service.proof.registered
                async with one_at_a_time:
                    sheets = await asyncio.to_thread(_check, files, key, registered)
        except SignedFormatError as error:
            return _page(verify_html.refusal(error.position, error.reason, error.cure), 422)
        except TimeoutError:
            return _page(verify_html.refusal("upload", f"it took longer than {_READ_S:.0f} seconds", "try again"), 408)
        return _page(verify_html.results(sheets))

    @router.get("/verify/{proof}")
    async def follow(request: Request, proof: str) -> Response:
        who = address(request)
        if (wait_s := access.keys.wait_s(who)) > 0:
            return _wait(wait_s)
        view = None if service.proof is None else await service.proof.by_id(proof[:ID_MAX])
        if view is None:
            access.keys.attempt(who)
            body = "<p>The link may have been copied only in part. Take it from the invoice again, or check the file that came with it.</p>"
            return plain("No such session", body + verify_html.intro(), 404)
        taken = _TAKEN.format(id=view.id) if view.format else ""
        return _page(f'<div class="cb-verify">{verify_html.article(of_proof(view))}{taken}</div>', title="Your charging session")

    return router


def _check(files: Sequence[tuple[str, bytes]], key: PublicKey | None, registered: Registered | None) -> list[Sheet]:
    sheets: list[Sheet] = []
    for name, data, signature in with_signatures(files):
        try:
            sheets += map(of_checked, check_file(data, key, registered, WORK_MAX // len(files), signature))
        except SignedFormatError as error:
            where = error.position if len(files) == 1 else f"{name}, {error.position}"
            raise SignedFormatError(where, error.reason, error.cure) from None
    return sheets


async def _form(request: Request) -> tuple[list[tuple[str, bytes]], PublicKey | None]:
    """The files and the key. Raises SignedFormatError."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise SignedFormatError("upload", "it is no form", "choose a file on the page")
    body = await _body(request)

    async def again() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await _InMemory(request.headers, again(), max_files=_FILES_MAX, max_fields=8, max_part_size=64 * 1024).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise SignedFormatError("upload", f"the form cannot be read: {error}", "choose a file on the page") from None
    sent = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
    files = [(one.filename or "", data) for one in sent if (data := await one.read())]
    if not files:
        raise SignedFormatError("file", "none was chosen, or it is empty", "choose the file that came with the invoice")
    text = form.get("key")
    return files, read_key(text) if isinstance(text, str) and text.strip() else None


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= _FORM_MAX:
            parts.append(part)
        elif size > _DRAINED_MAX:
            break
        else:
            parts.clear()
    if size > _FORM_MAX:
        raise SignedFormatError("upload", "it has more than 4 MB", "choose the file with the signed values alone, or split it")
    return b"".join(parts)


def _page(body: str, status: int = 200, title: str = _TITLE) -> HTMLResponse:
    return plain(title, body, status, _PRIVATE)


def _wait(wait_s: float, status: int = 429) -> HTMLResponse:
    body = f"<p>There is much to check just now. Please try again in {words.duration(wait_s)}.</p>"
    return plain("One moment, please", body, status, {"Retry-After": str(int(wait_s) + 1)})
