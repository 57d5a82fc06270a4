"""Talking to a running site by its REST interface, as commands do."""

from typing import Annotated, Any

import httpx
import typer

from chargebridge.model.errors import ChargebridgeError

TIMEOUT_S = 60.0
"""A command waits for its station."""

Url = Annotated[str, typer.Option(envvar="CHARGEBRIDGE_URL", help="Where the site's pages are.")]
Token = Annotated[str, typer.Option(envvar="CHARGEBRIDGE_TOKEN", help="The owner's API token, as `chargebridge up` prints it.")]
DEFAULT_URL = "http://127.0.0.1:8080"


class SiteError(ChargebridgeError):
    """The site refuses, or cannot be reached; in its own words where it has some."""


class SiteClient:
    """One request at a time. Raises SiteError."""

    def __init__(self, url: str, token: str) -> None:
        if not token:
            raise SiteError("token", "is missing", "set CHARGEBRIDGE_TOKEN to the token that `chargebridge up` prints")
        self._url, self._headers = url.rstrip("/"), {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, query=query).json()

    def text(self, path: str, **query: Any) -> str:
        return self._ask("GET", path, query=query).text

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._ask("POST", path, body=body)
        return answer.json() if answer.content else None

    def put(self, path: str, body: Any) -> None:
        self._ask("PUT", path, body=body)

    def delete(self, path: str) -> Any:
        answer = self._ask("DELETE", path)
        return answer.json() if answer.content else None

    def _ask(self, method: str, path: str, *, query: dict[str, Any] | None = None, body: Any = None) -> httpx.Response:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self._url}/api/v1{path}"
        try:
            answer = httpx.request(method, url, params=given, json=body, headers=self._headers, timeout=TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            cure = "see that the site runs, and give its address by --url or CHARGEBRIDGE_URL"
            raise SiteError(self._url, f"cannot be reached ({error})", cure) from error
        if answer.is_success:
            return answer
        try:
            told = answer.json()
            raise SiteError(str(told["where"]), str(told["reason"]), str(told["cure"]))
        except (ValueError, KeyError, TypeError):
            raise SiteError(url, f"answered {answer.status_code}", "is this address a site of chargebridge?") from None
