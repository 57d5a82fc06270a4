"""Foreign programs, each asked once: JSON on its standard input, JSON on its standard output."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

TIMEOUT_S = 300.0


class UnavailableError(Exception):
    """A peer that is not to be had here: the text says what is needed."""


async def asked(*command: str, told: object) -> Any:
    """Raises UnavailableError where the program does not run to its end."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(json.dumps(told).encode()), TIMEOUT_S)
    except TimeoutError:
        process.kill()
        raise UnavailableError(f"not done after {TIMEOUT_S:g} s") from None
    if process.returncode:
        raise UnavailableError(err.decode().strip()[-200:] or f"ended with {process.returncode}")
    return json.loads(out)


async def python(script: str, packages: tuple[str, ...], told: object) -> Any:
    """A script of this folder in an environment of its own, which uv makes with those packages."""
    words = [word for package in packages for word in ("--with", package)]
    path = str(Path(__file__).with_name(script))
    return await asked(
        sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--python", sys.executable, *words, "python", path, told=told
    )
