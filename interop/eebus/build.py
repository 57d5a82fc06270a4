"""Go programs, such as that in `peer/`, built outside the tree: in `$XDG_CACHE_HOME/chargebridge/interop` or `~/.cache/chargebridge/interop`."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

SOURCES = Path(__file__).with_name("peer")
MODULE = "github.com/enbility/eebus-go v0.7.0"
TIMEOUT_S = 300.0


class BuildError(Exception):
    """The program is wrong: its modules are there, and it does not compile."""


async def built(sources: Path = SOURCES, module: str = MODULE) -> Path | str:
    """The program, of these sources and no others; or why there can be none here. The first time it needs the Go module proxy and half a minute.
    module: what it is made to try. Raises BuildError."""
    go = shutil.which("go")
    if go is None:
        return "Go is needed"
    texts = [*_go_files(sources), sources / "go.mod", sources / "go.sum"]
    number = hashlib.sha256(b"".join(text.name.encode() + text.read_bytes() for text in texts)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "chargebridge" / "interop" / f"{sources.parent.name}-peer-{number}"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    made = program.with_suffix(f".{os.getpid()}")
    errors = await _go(sources, go, "mod", "download")
    if errors is not None:
        return f"the Go module proxy is needed, for {module}: {errors}"
    errors = await _go(sources, go, "build", "-trimpath", "-buildvcs=false", "-o", str(made), ".")
    if errors is not None:
        raise BuildError(errors)
    made.replace(program)  # at once, beside other runs
    return program


def _go_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.go"))


async def _go(folder: Path, *command: str) -> str | None:
    """What went wrong."""
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
    try:
        _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return f"not done within {TIMEOUT_S:g} s"
    return errors.decode()[-300:].strip() if process.returncode else None
