"""All faces of a site in one ASGI application: pages, REST API, health and metrics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from nicegui import ui
from starlette.middleware.sessions import SessionMiddleware

from chargebridge.app.web import metrics
from chargebridge.app.web.access import Access, same_secret
from chargebridge.app.web.api import Guard, add_api
from chargebridge.app.web.doors import ASSETS, STYLES, address, doors, not_ready, plain, refused_driver
from chargebridge.app.web.driver import DriverPage, find
from chargebridge.app.web.eebus_api import TRACE_MAX, trace_lines
from chargebridge.app.web.eebus_page import EebusPage
from chargebridge.app.web.feed import Feed
from chargebridge.app.web.owner import OwnerPage
from chargebridge.app.web.paying import paying
from chargebridge.app.web.proving import proving
from chargebridge.app.web.station_page import StationPage
from chargebridge.app.web.stations_page import StationsPage
from chargebridge.app.web.verify_page import verifying
from chargebridge.app.web_server import SafeHeaders
from chargebridge.site.operation.message_log import as_lines
from chargebridge.site.operation.view import MessageFilter
from chargebridge.site.view import SiteService

_SESSION_S = 30 * 24 * 3600
_STALE_S = 30.0
LINES_AT_ONCE = 500


def create_app(service: SiteService, access: Access, public_url: str | None = None) -> FastAPI:
    """The application to be served by uvicorn in the loop in which ``service`` lives.

    public_url: where drivers reach the pages, such as "https://charge.example"; None takes the address that the owner's browser used.
    Once per process, since NiceGUI has one set of pages. Run uvicorn with ``access_log=False``: a driver's key is part of his link.
    """
    feed = Feed(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        telling = asyncio.create_task(feed.run(), name="page feed")
        yield
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling

    app = FastAPI(
        title="chargebridge",
        version=version("chargebridge"),
        description="One charging site: what it does, why, and what a person may change. Errors say where, the reason and the cure.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.add_middleware(
        SessionMiddleware,
        secret_key=access.session_secret,
        session_cookie="chargebridge",
        max_age=_SESSION_S,
        same_site="lax",
        https_only=access.secure_cookie,
    )
    app.add_middleware(SafeHeaders)
    app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")
    app.include_router(doors(access, feed))
    app.include_router(paying(service, access))
    app.include_router(proving(service, access))
    app.include_router(verifying(service, access))
    guard = Guard(service, access)
    add_api(app, service, guard)
    _add_probes(app, service, guard)
    _add_pages(app, service, access, feed, public_url)
    ui.run_with(
        app,
        title="chargebridge",
        favicon=ASSETS / "icon.svg",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=10.0,
        storage_secret=access.session_secret,
        show_welcome_message=False,
    )
    return app


def _add_pages(app: FastAPI, service: SiteService, access: Access, feed: Feed, public_url: str | None) -> None:
    @ui.page("/")
    def owner(request: Request) -> Response | None:
        login = access.login_of(request.session)
        if login is None:
            return RedirectResponse("/login", 303)
        try:
            moment = feed.moment()
        except Exception:
            return not_ready()
        _dress(moment.view.name)
        feed.join(OwnerPage(service, login, (public_url or str(request.base_url)).rstrip("/"), moment))
        return None

    @ui.page("/stations")
    def stations(request: Request) -> Response | None:
        login = access.login_of(request.session)
        if login is None:
            return RedirectResponse("/login", 303)
        try:
            moment = feed.moment()
        except Exception:
            return not_ready()
        _dress(f"Stations · {moment.view.name}")
        feed.join(StationsPage(service, login, moment))
        return None

    @ui.page("/stations/{station}")
    def station(request: Request, station: str) -> Response | None:
        login = access.login_of(request.session)
        if login is None:
            return RedirectResponse("/login", 303)
        try:
            moment = feed.moment()
            found = next((row for row in service.stations.stations() if row.identity == station), None)
        except Exception:
            return not_ready()
        if found is None:
            return plain("No such station", '<p>It may have been removed.</p><p><a href="/stations">All stations</a></p>', 404)
        _dress(f"{station} · {moment.view.name}")
        feed.join(StationPage(service, found, login, moment))
        return None

    @ui.page("/eebus")
    def eebus(request: Request) -> Response | None:
        login = access.login_of(request.session)
        if login is None:
            return RedirectResponse("/login", 303)
        try:
            moment = feed.moment()
        except Exception:
            return not_ready()
        _dress(f"Grid & EEBUS · {moment.view.name}")
        feed.join(EebusPage(service, login, moment))
        return None

    @app.get("/eebus/trace.jsonl", include_in_schema=False)
    async def trace(request: Request) -> Response:
        if access.login_of(request.session) is None:
            return RedirectResponse("/login", 303)
        return Response(trace_lines(service, limit=TRACE_MAX), media_type="application/x-ndjson")

    @app.get("/stations/{station}/log.jsonl", include_in_schema=False)
    async def log(request: Request, station: str) -> Response:
        if access.login_of(request.session) is None:
            return RedirectResponse("/login", 303)
        return StreamingResponse(_lines(service, station), media_type="application/x-ndjson")

    @ui.page("/p/{point}")
    def driver(request: Request, point: str, key: str = "") -> Response | None:
        who = address(request)
        if (wait_s := access.keys.wait_s(who)) > 0:
            return refused_driver(wait_s)
        try:
            moment = feed.moment()
        except Exception:
            return not_ready()
        found = find(moment.view, point)
        if found is None or not same_secret(key, service.driver_key(point)):
            access.keys.attempt(who)
            return refused_driver(0)
        _dress(f"{found.name} · {moment.view.name}")
        feed.join(DriverPage(service, found, moment))
        return None


async def _lines(service: SiteService, station: str) -> AsyncIterator[str]:
    """All that is kept of a station's messages, a piece at a time."""
    after = 0
    while found := await service.stations.messages(MessageFilter(station=station, after=after), LINES_AT_ONCE):
        after = found[0].number
        yield as_lines(reversed(found))


def _dress(title: str) -> None:
    ui.page_title(title)
    ui.add_head_html(STYLES)


def _add_probes(app: FastAPI, service: SiteService, guard: Guard) -> None:
    @app.get("/healthz", tags=["operation"], summary="200 while decisions are made")
    async def health() -> JSONResponse:
        view = service.view()
        age_s = None if view.decided_at is None else (view.at - view.decided_at).total_seconds()
        good = age_s is not None and age_s <= _STALE_S
        return JSONResponse({"status": "ok" if good else "stale", "decision_age_s": age_s}, 200 if good else 503)

    @app.get("/metrics", tags=["operation"], summary="Prometheus, with the owner's token", dependencies=[Depends(guard.owner)])
    async def scrape() -> Response:
        return Response(metrics.text(service), media_type="text/plain; version=0.0.4")
