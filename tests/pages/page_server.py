"""The pages on a real uvicorn, around the test data of ``page_site``; run as a process, since NiceGUI has one set of pages per process."""

import socket
import sys

import uvicorn
from fastapi import FastAPI, Response
from page_site import PageSite
from page_tools import PASSWORD

from chargebridge.app.web import Access, create_app
from chargebridge.store.passwords import hash_password

TOKEN = "owner-token-for-tests"


def application() -> FastAPI:
    site = PageSite()
    app = create_app(site, Access(hash_password(PASSWORD), api_token=TOKEN))

    def turn(mode: str) -> Response:
        """Start afresh in this mode."""
        site.__init__(mode)  # type: ignore[misc]
        return Response(status_code=204)

    app.add_api_route("/test/{mode}", turn, methods=["POST"], include_in_schema=False)
    app.router.routes.insert(0, app.router.routes.pop())
    return app


def main(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(application(), log_level="warning", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
