"""Stations that connect, boot, and then hold still: python -m benchmarks._ocpp_crowd PORT FIRST COUNT TLS

It prints a line when all are in, and ends when its standard input does.
"""

import asyncio
import resource
import ssl
import sys

from benchmarks import _ocpp_load as load
from benchmarks._ocpp_load import LoadStation
from benchmarks._ocpp_servers import names

AT_ONCE = 200


async def main(port: str, first: str, count: str, tls: str) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)
    context = ssl._create_unverified_context() if tls == "tls" else None

    async def one(identity: str) -> LoadStation:
        async with gate:
            _, station = await loop.create_connection(lambda: LoadStation(identity, "ocpp1.6"), "127.0.0.1", int(port), ssl=context)
            await station.open
            await station.run(load.boot_16, 1)
            return station

    identities = names(int(first) + int(count))[int(first) :]
    held = await asyncio.gather(*(one(identity) for identity in identities))
    print(len(held), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
