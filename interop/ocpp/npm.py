"""Packages of the npm registry, installed outside the tree: in `$XDG_CACHE_HOME/chargebridge/interop` or `~/.cache/chargebridge/interop`."""

import asyncio
import os
import shutil
from pathlib import Path

TIMEOUT_S = 300.0


async def installed(package: str, version: str, *also: str) -> Path | None:
    """The folder of one package, of that version and no other; None where Node.js and npm are not to be had or the package does not come.

    also: packages with their versions that are to stand beside it.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "chargebridge" / "interop" / f"{package}-{version}"
    found = folder / "node_modules" / package
    if not (found / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        words = ("install", "--silent", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
        process = await asyncio.create_subprocess_exec(npm, *words, f"{package}@{version}", *also, stdout=asyncio.subprocess.DEVNULL)
        await asyncio.wait_for(process.wait(), TIMEOUT_S)
    return found if (found / "package.json").exists() else None
