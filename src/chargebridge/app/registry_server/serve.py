"""One process: the log, its interface and page, heads signed when something waits, confirmations."""

import asyncio
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from chargebridge.app.registry_server.accounts import Accounts
from chargebridge.app.registry_server.api import add_api
from chargebridge.app.registry_server.confirmations import Confirmations
from chargebridge.app.registry_server.pages import pages
from chargebridge.app.registry_server.settings import RegistryConfig
from chargebridge.app.web_server import CLOSING_S, SafeHeaders, WebServer, bound
from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.calibration.registry.log import Registry
from chargebridge.model.clock import Clock
from chargebridge.store import Database


async def serve(config: RegistryConfig, clock: Clock, ready: Callable[[str], None] | None = None) -> None:
    """Run until SIGINT or SIGTERM. ready: is told the address. Raises ChargebridgeError where it cannot begin."""
    about = config.registry
    database = Database.open(about.store)
    try:
        registry = await Registry.open(database, HeadSigner.load(about.key), clock)
        confirmations = Confirmations(registry, config.cpo, database, clock)
        with bound(about.host, about.port) as listener:
            app = create_app(registry, config)
            server = WebServer(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=CLOSING_S))
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(confirmations.run(), name="confirmations"),
                    group.create_task(_publish(registry, confirmations, clock, about.publish_every_s), name="tree heads"),
                ]
                if ready is not None:
                    ready(f"http://{about.host}:{listener.getsockname()[1]}")
                await server.serve(sockets=[listener])
                for task in tasks:
                    task.cancel()
    finally:
        database.close()


def create_app(registry: Registry, config: RegistryConfig) -> FastAPI:
    app = FastAPI(
        title=config.registry.name,
        description="Public keys of meters at charging points, in a log that nobody can rewrite. Errors say where, the reason and the cure.",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(SafeHeaders)
    add_api(app, registry, Accounts(config.cpo))
    app.include_router(pages(registry, config.registry.name))
    return app


async def _publish(registry: Registry, confirmations: Confirmations, clock: Clock, every_s: float) -> None:
    """What is handed in becomes public within ``every_s``; all that came meanwhile under one head."""
    while True:
        if await registry.publish():
            confirmations.ring()
        await clock.sleep(every_s)
