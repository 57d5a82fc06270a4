"""How commands speak: for people on a terminal, or as JSON lines."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from chargebridge.model.errors import ChargebridgeError, SeveralErrors

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print facts as JSON lines.")]


def json_line(value: Any) -> None:
    """One fact on one line."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def counted(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def problem_lines(errors: Iterable[ChargebridgeError], *, as_json: bool) -> None:
    """What is wrong, where, and what to do."""
    for error in errors:
        if as_json:
            json_line({"where": error.where, "reason": error.reason, "cure": error.cure})
        else:
            err.print(f"[bold]{error.where}[/bold]\n  [red]{error.reason}[/red]\n  {error.cure}", soft_wrap=True)


@contextmanager
def told_errors(*, as_json: bool = False) -> Iterator[None]:
    """Turn our errors into their three parts and exit code 1."""
    try:
        yield
    except SeveralErrors as invalid:
        problem_lines(invalid.errors, as_json=as_json)
        raise typer.Exit(1) from None
    except ChargebridgeError as error:
        problem_lines([error], as_json=as_json)
        raise typer.Exit(1) from None
