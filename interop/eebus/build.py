"""The Go program in `peer/`, built outside the tree: in `$XDG_CACHE_HOME/chargebridge/interop` or `~/.cache/chargebridge/interop`."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

SOURCES = Path(__file__).with_name("peer")
MODULE = "github.com/enbility/eebus-go v0.7.0"
TIMEOUT_S = 300.0


async def built() -> Path | str:
    """The program, of these sources and no others; or why there is none. The first time, the Go module proxy is needed and about half a minute."""
    go = shutil.which("go")
    if go is None:
        return "Go is needed"
    texts = [*sorted(SOURCES.glob("*.go")), SOURCES / "go.mod", SOURCES / "go.sum"]
    number = hashlib.sha256(b"".join(text.name.encode() + text.read_bytes() for text in texts)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "chargebridge" / "interop" / f"eebus-peer-{number}"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    made = program.with_suffix(f".{os.getpid()}")
    process = await asyncio.create_subprocess_exec(
        go, "build", "-trimpath", "-buildvcs=false", "-o", str(made), ".",
        cwd=SOURCES, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return f"{MODULE} was not built within {TIMEOUT_S:g} s"
    if process.returncode:
        return f"{MODULE} cannot be built: {errors.decode()[-200:].strip()}"
    made.replace(program)  # at once, beside other runs
    return program
