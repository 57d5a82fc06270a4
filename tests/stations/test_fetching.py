"""HTTP to addresses that others name: by TLS to nobody but the right one, no further than was asked, no more than is bearable."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.fetching import Fetcher
from chargebridge.stations.ocpp.pki import Authority, pem_of
from chargebridge.stations.ocpp.pki_files import make_key, write_key
from chargebridge.stations.ocpp.revocation import UnprovenError

HERE = ("localhost", "127.0.0.1")


@asynccontextmanager
async def serving(answer: Callable[[str], bytes], tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(answer(head))
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


async def test_by_tls_the_name_counts_and_not_the_address(tmp_path: Path) -> None:
    """The address that was looked at is the one that is used; the certificate is still checked for the name."""
    authority = Authority.create(tmp_path / "ca", "X", WallClock().now())
    key = make_key("ec")
    (tmp_path / "s.pem").write_text(authority.chain(authority.issue_server(["localhost"], key.public_key(), WallClock().now())))
    write_key(tmp_path / "s.key", key, None)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "s.pem", tmp_path / "s.key")
    heads: list[str] = []
    async with serving(lambda head: heads.append(head) or ok(b"hi"), served) as port:
        fetcher = Fetcher(HERE)
        fetcher.__dict__["_tls"] = ssl.create_default_context(cadata=pem_of(authority.root))
        assert await fetcher.get(f"https://localhost:{port}/x", 100) == b"hi"
        assert f"Host: localhost:{port}" in heads[0]
        with pytest.raises(UnprovenError, match="certificate is not valid for"):
            await fetcher.get(f"https://127.0.0.1:{port}/x", 100)
        with pytest.raises(UnprovenError, match="certificate verify failed"):
            await Fetcher(HERE).get(f"https://localhost:{port}/x", 100)


async def test_no_further_and_no_more() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with serving(lambda head: moved if "/moved" in head else ok(b"x" * 101)) as port:
        for path, reason in (("moved", "answered 302"), ("long", "more than 100 bytes")):
            with pytest.raises(UnprovenError, match=reason):
                await Fetcher(HERE).get(f"http://localhost:{port}/{path}", 100)
        with pytest.raises(UnprovenError, match="not among the revocation_hosts"):
            await Fetcher(("ocsp.example",)).get(f"http://localhost:{port}/", 100)
        with pytest.raises(UnprovenError, match="network of its own"):
            await Fetcher(None).get(f"http://localhost:{port}/", 100)
        assert len(await Fetcher(None, anywhere=True).get(f"http://localhost:{port}/", 101)) == 101
