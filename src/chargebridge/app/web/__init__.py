"""The pages of a site, its REST API and its probes. ``create_app(service, access)`` gives the application, ``Access`` holds the keys to it."""

from chargebridge.app.web.access import Access, AccessError
from chargebridge.app.web.application import create_app

__all__ = ["Access", "AccessError", "create_app"]
