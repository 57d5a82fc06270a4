"""The process that solves: requests on its standard input, answers on its standard output, each with its length before it.

It has nothing of the site but this pipe, so whatever becomes of a solver - it hangs, dies, eats memory - becomes of this process only.
"""

import os
import struct
import sys
from typing import BinaryIO

import msgspec
from msgspec import Struct

from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Schedule

LENGTH = struct.Struct(">I")
MESSAGE_MAX = 256 * 1024 * 1024
NICE = 5
"""What decides and what answers stations goes first."""


class Ask(Struct, frozen=True, kw_only=True):
    """by_rule: without the solver, for this reason."""

    problem: Problem
    budget_s: float
    by_rule: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """error: why there is no schedule."""

    schedule: Schedule | None = None
    error: str = ""


def answer(ask: Ask) -> Answer:
    """What the worker does with one request; whatever it raises is told."""
    try:
        return Answer(schedule=_solve(ask))
    except Exception as error:
        return Answer(error=f"{type(error).__name__}: {error}")


def _solve(ask: Ask) -> Schedule:
    from chargebridge.planning.arrays import arrays
    from chargebridge.planning.check import check
    from chargebridge.planning.planner import by_rule, plan

    check(ask.problem)
    return by_rule(arrays(ask.problem), ask.by_rule) if ask.by_rule else plan(ask.problem, ask.budget_s)


def send(out: BinaryIO, message: Struct) -> None:
    data = msgspec.msgpack.encode(message)
    out.write(LENGTH.pack(len(data)) + data)
    out.flush()


def receive(source: BinaryIO) -> bytes | None:
    """None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = source.read(length) if length <= MESSAGE_MAX else b""
    return data if len(data) == length else None


def main() -> None:
    os.nice(NICE)
    decoder = msgspec.msgpack.Decoder(Ask)
    while (data := receive(sys.stdin.buffer)) is not None:
        send(sys.stdout.buffer, answer(decoder.decode(data)))


if __name__ == "__main__":
    main()
