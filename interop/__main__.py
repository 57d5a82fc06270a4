"""Run every foreign peer, or those named on the command line, and print what passed."""

import asyncio
import importlib
import sys
import time
from pathlib import Path

from rich.console import Console

TIMEOUT_S = 600.0


def main() -> int:
    console = Console(highlight=False)
    here = Path(__file__).parent
    peers = sys.argv[1:] or sorted(p.name for p in here.iterdir() if (p / "__init__.py").exists())
    failed = passed = 0
    for peer in peers:
        module = importlib.import_module(f"interop.{peer}")
        console.rule(f"{peer}: {(module.__doc__ or '').splitlines()[0]}")
        began = time.monotonic()
        try:
            checks = asyncio.run(asyncio.wait_for(module.run(), TIMEOUT_S))
        except TimeoutError:
            console.print(f"[red]not done after {TIMEOUT_S:g} s[/red]")
            failed += 1
            continue
        for check in checks:
            passed += check.passed and not check.skipped
            failed += not check.passed and not check.skipped
            mark = "[yellow]skip [/yellow]" if check.skipped else "[green]ok   [/green]" if check.passed else "[red]WRONG[/red]"
            console.print(f"{mark} {check.name}" + (f"  ({check.detail})" if check.detail else ""), soft_wrap=True)
        console.print(f"{time.monotonic() - began:.1f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
