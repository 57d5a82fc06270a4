"""The pages on a real uvicorn, around the test data of ``page_site``; run as a process, since NiceGUI has one set of pages per process."""

import sys

import uvicorn
from fastapi import Response
from page_site import PageSite

from chargebridge.app.web import Access, create_app, hash_password

PASSWORD = "correct horse"
TOKEN = "owner-token-for-tests"


def main(port: int) -> None:
    site = PageSite()
    app = create_app(site, Access(hash_password(PASSWORD), session_secret="a secret only for these tests", api_token=TOKEN))

    def turn(mode: str) -> Response:
        site.mode = mode
        return Response(status_code=204)

    app.add_api_route("/test/{mode}", turn, methods=["POST"])
    app.router.routes.insert(0, app.router.routes.pop())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
