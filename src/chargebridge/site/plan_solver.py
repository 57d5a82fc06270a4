"""Asks the worker process, with a time by which it has to answer. One that does not is killed, and the rule is asked in a new one."""

import asyncio
import os
import sys
from contextlib import suppress

import msgspec
import structlog

from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Schedule
from chargebridge.site.plan_worker import LENGTH, MESSAGE_MAX, Answer, Ask

GRACE_S = 10.0
"""Beside the solver's own budget: to start Python, load the solver, and pass the problem, on a small box under load."""
SEVERAL = 2
"""A MILP solves its LP first."""

log = structlog.get_logger(__name__)


class SolverError(Exception):
    """The worker gave no schedule: why."""


class Solver:
    """``solve`` answers always, or raises SolverError when not even the rule can be asked. One request at a time; the process stays for the next."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._decoder = msgspec.msgpack.Decoder(Answer)

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def solve(self, problem: Problem, budget_s: float) -> Schedule:
        async with self._turn:
            try:
                return await self._ask(Ask(problem=problem, budget_s=budget_s))
            except SolverError as error:
                log.warning("the solver failed, the rule plans", why=str(error))
                return await self._ask(Ask(problem=problem, budget_s=budget_s, by_rule=f"by rule: {error}"))

    async def _ask(self, ask: Ask) -> Schedule:
        limit_s = ask.budget_s * SEVERAL + self._grace_s
        try:
            async with asyncio.timeout(limit_s):
                data = await self._exchange(msgspec.msgpack.encode(ask))
            found = self._decoder.decode(data)
        except TimeoutError:
            await self.close()
            raise SolverError(f"the solver had no answer after {limit_s:g} s") from None
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for that to the next question
            raise
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            code = None if self._process is None else self._process.returncode
            await self.close()
            raise SolverError(f"the solver's process ended ({error or code})") from error
        if found.schedule is None:
            raise SolverError(found.error)
        return found.schedule

    async def _exchange(self, data: bytes) -> bytes:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(LENGTH.pack(len(data)) + data)
        await process.stdin.drain()
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if length > MESSAGE_MAX:
            raise EOFError("its answer is too long")
        return await process.stdout.readexactly(length)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "chargebridge.site.plan_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self._process

    async def close(self) -> None:
        """End the process; it knows nothing that would be lost."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
