"""Run every table, or those named on the command line."""

import importlib
import platform
import sys
from pathlib import Path

from rich.console import Console


def main() -> None:
    console = Console(highlight=False)
    console.print(f"Python {platform.python_version()} on {platform.machine()}")
    here = Path(__file__).parent
    tables = sys.argv[1:] or sorted(p.stem for p in here.glob("*.py") if not p.stem.startswith("_"))
    for table in tables:
        module = importlib.import_module(f"benchmarks.{table}")
        console.rule(f"{table}: {(module.__doc__ or '').splitlines()[0]}")
        module.main()


if __name__ == "__main__":
    main()
