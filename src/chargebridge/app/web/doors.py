"""The doors: logging in and out by plain forms that work before any script has loaded, and the friendly refusals."""

import asyncio
import hashlib
import html
from pathlib import Path
from string import Template
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chargebridge.app.web import words
from chargebridge.app.web.access import Access
from chargebridge.app.web.feed import Feed
from chargebridge.store.passwords import matches

ASSETS = Path(__file__).parent / "assets"
_SHEETS = ("pages.css", "parts.css", "forms.css", "stations.css", "eebus.css", "verify.css")
STYLES = "".join(
    f'<link rel="stylesheet" href="/assets/{n}?{hashlib.sha256((ASSETS / n).read_bytes()).hexdigest()[:10]}">' for n in _SHEETS
)
"""The style sheets by their content, so that a browser takes a new one at once."""
_PLAIN = Template((ASSETS / "plain.html").read_text())
_FORM = """<form method="post" action="/login" class="cb-login">
  <label for="password">Owner's password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
  {message}
  <button type="submit">Log in</button>
</form>
<p class="cb-hint">Drivers come in by the link or the QR code of their charging point.</p>"""
_log = structlog.get_logger(__name__)


def plain(title: str, body: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """A page without scripts. ``body`` is HTML of ours."""
    return HTMLResponse(_PLAIN.substitute(title=html.escape(title), body=body, styles=STYLES), status, headers)


def address(request: Request) -> str:
    return request.client.host if request.client else "local"


def not_ready() -> HTMLResponse:
    """Called where the site cannot be looked at; the log has the reason."""
    _log.exception("a page was asked for while the site cannot be seen")
    body = "<p>It is starting, or something is wrong: its log says what. Charging goes on by itself meanwhile.</p>"
    return plain("The site does not answer", body, 503, {"Retry-After": "5", "Refresh": "5"})


def refused_driver(wait_s: float) -> HTMLResponse:
    if wait_s > 0:
        wait = words.duration(wait_s)
        body = f"<p>Too many links from your address did not fit. Please try again in {wait}.</p>"
        return plain("One moment, please", body, 429, {"Retry-After": str(int(wait_s) + 1)})
    return plain(
        "This link does not fit",
        "<p>It may have been copied only in part, or been replaced by a new one.</p>"
        "<p>Scan the QR code at the charging point again, or ask the owner of the site for a new link.</p>",
        403,
    )


def doors(access: Access, feed: Feed) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    one_at_a_time = asyncio.Lock()

    def form(message: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
        told = f'<p class="cb-error" role="alert">{html.escape(message)}</p>' if message else ""
        return plain("Log in", _FORM.format(message=told), status, headers)

    @router.get("/login")
    async def show_login(request: Request) -> Response:
        return RedirectResponse("/", 303) if access.login_of(request.session) else form()

    @router.post("/login")
    async def login(request: Request, password: Annotated[str, Form(max_length=1000)] = "") -> Response:
        who = address(request)
        wait_s = access.logins.wait_s(who)
        if wait_s > 0:
            message = f"Too many wrong passwords. Please try again in {words.duration(wait_s)}."
            return form(message, 429, {"Retry-After": str(int(wait_s) + 1)})
        access.logins.attempt(who)
        async with one_at_a_time:
            good = await asyncio.to_thread(matches, password.encode(), access.password_hash)
        if not good:
            _log.warning("wrong owner password", address=who)
            return form("That is not the owner's password.", 401)
        access.logins.cleared(who)
        access.begin(request.session)
        return RedirectResponse("/", 303)

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        login = access.end(request.session)
        if login is not None:
            feed.end_login(login)
        return RedirectResponse("/login", 303)

    return router
