"""One look at the site a second, shared by all open pages; nobody looking costs nothing."""

import asyncio
from datetime import datetime
from typing import Any, Protocol

import structlog
from msgspec import Struct
from nicegui import Client

from chargebridge.app.web import shown
from chargebridge.site.view import SiteService, SiteView

PERIOD_S = 1.0
_FAREWELL_S = 1.0
"""Long enough for a page to leave by itself."""
_log = structlog.get_logger(__name__)


class Moment(Struct, frozen=True):
    """A look at the site, and its parts as the owner's page draws them."""

    view: SiteView
    parts: dict[str, Any]


class Page(Protocol):
    """An open page. login: whose it is, None for a driver's."""

    client: Client
    login: str | None

    def show(self, moment: Moment) -> None: ...

    def fault(self, text: str) -> None:
        """The site could not be looked at."""
        ...


class Feed:
    """Pages join when they are built and leave when their browser has gone."""

    def __init__(self, service: SiteService) -> None:
        self._service = service
        self._pages: dict[str, Page] = {}
        self._last: datetime | None = None

    def moment(self) -> Moment:
        view = self._service.view()
        return Moment(view, shown.site(view))

    def join(self, page: Page) -> None:
        self._pages[page.client.id] = page
        page.client.on_delete(lambda: self._pages.pop(page.client.id, None))

    def end_login(self, login: str) -> None:
        """Send the open pages of a login that has ended to the door, tell them nothing more, and do nothing more for them."""
        for page in [page for page in self._pages.values() if page.login == login]:
            self._pages.pop(page.client.id, None)
            with page.client:
                page.client.open("/login")
            asyncio.get_running_loop().call_later(_FAREWELL_S, _close, page.client)

    async def run(self) -> None:
        while True:
            self.tell()
            await asyncio.sleep(PERIOD_S)

    def tell(self) -> None:
        """Show the present moment to everybody who is connected."""
        listening = [page for page in self._pages.values() if page.client.has_socket_connection]
        if not listening:
            return
        try:
            moment = self.moment()
        except Exception as error:
            _log.exception("the pages cannot see the site")
            for page in listening:
                page.fault(f"The site does not answer ({type(error).__name__}): these figures are old.")
            return
        for page in listening:
            try:
                page.show(moment)
            except Exception:
                _log.exception("a page could not be drawn", client=page.client.id)


def _close(client: Client) -> None:
    if not client.is_deleted:
        client.delete()
