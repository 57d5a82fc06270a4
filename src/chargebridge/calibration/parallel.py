"""Many CDRs on several cores: reading JSON and judging hold the interpreter's lock, so each core has a process of its own.

CDRs go out in parts of ``batch.BATCH``; verdicts come back in the order of their CDRs. No more parts are under way than the processes can take, so
that neither an endless source of CDRs nor a slow reader of verdicts fills the memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import msgspec

from chargebridge.calibration.batch import BATCH, Registered, judge_many
from chargebridge.calibration.verdict import Verdict

_AHEAD = 2
"""Parts that wait for each process, so that none waits for us."""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Verdict])
_registered: Registered | None = None


def judge_parallel(
    cdrs: Iterable[bytes], registered: Registered, processes: int, progress: Callable[[int], None] | None = None
) -> Iterator[Verdict]:
    """A verdict for each OCPI CDR, in their order. registered: goes once to each process, so it must be picklable: best a method of a dict.

    progress: is told how many have been judged so far.
    """
    rest = iter(cdrs)
    done = 0
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin, initargs=(registered,)) as pool:
        waiting: deque[Future[bytes]] = deque()
        try:
            while True:
                while len(waiting) < processes * _AHEAD and (part := list(islice(rest, BATCH))):
                    waiting.append(pool.submit(_judge, part))
                if not waiting:
                    return
                verdicts = _decoder.decode(waiting.popleft().result())
                done += len(verdicts)
                if progress is not None:
                    progress(done)
                yield from verdicts
        finally:
            for future in waiting:
                future.cancel()


def _begin(registered: Registered) -> None:
    """In each process, once."""
    global _registered
    _registered = registered


def _judge(part: list[bytes]) -> bytes:
    """Verdicts as MessagePack, which this process has to do and ours to undo: far less than pickling them."""
    assert _registered is not None
    return _encoder.encode(list(judge_many(part, _registered)))
