"""A registry as its users start it, filled over its interface; what it says of itself is all that is checked."""

import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from chargebridge.wire.signed.keys import PublicKey

WAVES = (1, 1, 2, 5, 11, 3, 20)
"""Keys that are handed in before the next tree head is waited for."""
_TOKEN = "interop"
_PATIENCE_S = 30.0


@asynccontextmanager
async def running() -> AsyncIterator[httpx.AsyncClient]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "registry.toml"
        table = f'store = "{folder}/registry.db"\nkey = "{folder}/registry.pem"\nport = 0\npublish_every_s = 0.3\n'
        token = hashlib.sha256(_TOKEN.encode()).hexdigest()
        config.write_text(f'[registry]\n{table}\n[[cpo]]\nid = "DE*ABC"\ntoken_sha256 = "{token}"\n')
        command = (sys.executable, "-c", "from chargebridge.app.cli import main; main()", "registry", "serve", str(config), "--json")
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            url = json.loads(await asyncio.wait_for(process.stdout.readline(), _PATIENCE_S))["registry"]
            headers = {"Authorization": f"Bearer {_TOKEN}"}
            async with httpx.AsyncClient(base_url=f"{url}/v1/", headers=headers, timeout=_PATIENCE_S) as client:
                yield client
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def filled(client: httpx.AsyncClient) -> list[str]:
    """Commissions keys until there are several tree heads. Returns the names of the entries."""
    names: list[str] = []
    for wave in WAVES:
        first = len(names) + 1
        names += await asyncio.gather(*(_commissioned(client, number) for number in range(first, first + wave)))
        await _until_public(client, len(names))
    return names


async def _commissioned(client: httpx.AsyncClient, number: int) -> str:
    body = {"evse": f"DE*ABC*E{number}", "meter": f"M{number}", "format": "OCMF", "key": _key(number)}
    answer = (await client.post("commission", json=body)).raise_for_status()
    return str(answer.json()[0]["id"])


async def said(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    return (await client.get(path, params=query)).raise_for_status().json()


async def _until_public(client: httpx.AsyncClient, size: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while (await said(client, "head"))["size"] < size:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _key(number: int) -> str:
    numbers = ec.derive_private_key(0xABCDEF + number, ec.SECP256R1()).public_key().public_numbers()
    return PublicKey("secp256r1", numbers.x, numbers.y).spki().hex()
