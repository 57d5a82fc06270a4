"""HTTP to addresses that others name: responders and revocation lists that stand in certificates or in stations' messages.

Who names an address could use us to reach what he cannot reach himself. So only http and https, no redirects, a bound for size and time; and only
hosts that are listed, or without a list those whose every address is public. The address that was looked at is the one that is used.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Collection
from functools import cached_property

import httpx

from chargebridge.stations.ocpp.revocation import unproven

PORTS = {"http": 80, "https": 443}


class Fetcher:
    """hosts: the names or addresses that may be asked, also those of one's own network; None: all that are public, or with ``anywhere`` all."""

    def __init__(self, hosts: Collection[str] | None, timeout_s: float = 3.0, *, anywhere: bool = False) -> None:
        self._hosts = None if hosts is None else {host.casefold() for host in hosts}
        self._anywhere = anywhere
        self.timeout_s = timeout_s

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def get(self, url: str, most: int) -> bytes:
        """The body, of at most so many bytes. Raises UnprovenError."""
        return await self._ask("GET", url, most)

    async def post(self, url: str, content: bytes, kind: str, most: int) -> bytes:
        """kind: the media type of what is sent. Raises UnprovenError."""
        return await self._ask("POST", url, most, content=content, kind=kind)

    async def _ask(self, method: str, url: str, most: int, *, content: bytes | None = None, kind: str | None = None) -> bytes:
        try:
            async with asyncio.timeout(self.timeout_s):
                parsed = httpx.URL(url)
                address = await self._admitted(parsed)
                headers = {"Host": parsed.netloc.decode()} | ({"Content-Type": kind} if kind else {})
                async with (
                    httpx.AsyncClient(verify=self._tls if parsed.scheme == "https" else False, trust_env=False) as client,
                    client.stream(
                        method, parsed.copy_with(host=address), content=content, headers=headers, extensions={"sni_hostname": parsed.host}
                    ) as answer,
                ):
                    if answer.status_code != 200:
                        raise unproven(url, f"answered {answer.status_code}")
                    body = bytearray()
                    async for piece in answer.aiter_bytes():
                        body += piece
                        if len(body) > most:
                            raise unproven(url, f"sent more than {most} bytes")
                    return bytes(body)
        except TimeoutError as error:
            raise unproven(url, f"did not answer within {self.timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise unproven(url, f"cannot be asked ({str(error) or type(error).__name__})") from error

    async def _admitted(self, url: httpx.URL) -> str:
        """The address to be asked. Raises UnprovenError when it may not be."""
        if url.scheme not in PORTS or not url.host or url.userinfo:
            raise unproven(str(url), "is no plain http or https address")
        listed = self._hosts is not None and url.host.casefold() in self._hosts
        if self._hosts is not None and not listed:
            raise unproven(str(url), "is not among the revocation_hosts")
        port = url.port or PORTS[url.scheme]
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not listed and not self._anywhere and not all(ipaddress.ip_address(one).is_global for one in addresses):
            raise unproven(str(url), "is in a network of its own; name its host in revocation_hosts if it may be asked")
        return addresses[0]
