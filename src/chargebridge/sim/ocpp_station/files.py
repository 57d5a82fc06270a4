"""Files over HTTP: a firmware image comes, a log goes; tried again as the Central System asks."""

from collections.abc import Awaitable, Callable

import httpx

from chargebridge.model.clock import Clock

TIMEOUT_S = 30.0
MAX_IMAGE = 64 * 1024 * 1024  # bytes


class TransferError(Exception):
    """It did not go, however often it was tried."""


class Retries:
    """How often a transfer is tried again, and after how long."""

    def __init__(self, clock: Clock, retries: int | None, interval_s: float | None) -> None:
        self._clock = clock
        self._retries = retries or 0
        self._interval_s = interval_s or 0.0

    async def run(self, attempt: Callable[[httpx.AsyncClient], Awaitable[bytes]]) -> bytes:
        """The first attempt that succeeds. Raises TransferError."""
        for left in range(self._retries, -1, -1):
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True) as client:
                    return await attempt(client)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if left == 0:
                    raise TransferError(str(error)) from error
                await self._clock.sleep(self._interval_s)
        raise TransferError("not tried")


async def download(url: str, retries: Retries) -> bytes:
    """The file at the URL. Raises TransferError."""

    async def attempt(client: httpx.AsyncClient) -> bytes:
        async with client.stream("GET", url) as answer:
            answer.raise_for_status()
            parts, size = [], 0
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > MAX_IMAGE:
                    raise TransferError(f"more than {MAX_IMAGE} bytes")
                parts.append(part)
            return b"".join(parts)

    return await retries.run(attempt)


async def upload(url: str, name: str, content: bytes, retries: Retries) -> None:
    """Put the file into the folder at the URL (or at the URL, if it ends in a file's name). Raises TransferError."""
    target = url if "." in url.rsplit("/", 1)[-1] and url.count("/") > 2 else f"{url.rstrip('/')}/{name}"

    async def attempt(client: httpx.AsyncClient) -> bytes:
        answer = await client.put(target, content=content)
        answer.raise_for_status()
        return answer.content

    await retries.run(attempt)
