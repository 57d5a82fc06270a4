"""What goes wrong in a virtual station, on demand."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct

Signs = Literal["", "wrongly", "other_key", "changed", "page_again", "no_end", "late", "twice"]


class Faults(Struct):
    """Misbehaviour; change the fields while the station runs.

    Answers to the Central System: answer_late_s before each; never_answers; answers_nonsense; answers_error: the CALLERROR code that each gets;
    rejects_profiles; ignores_profiles: says Accepted and does nothing.
    What it sends: twice: every message two times; disordered: of the messages about transactions, each second goes before the first;
    mute: no meter values; lies: its meter's values are multiplied by so much.
    The line, each once: drops_before, drops_after: the action at whose message the line breaks, before it leaves or as soon as it has left.
    half_open: the socket stays, nothing more is read or written.
    clock_off_s: its clock goes wrong by so much, and no correction helps. reboots_at_s: so long after its begin a transaction is torn by a reboot.
    firmware_sticks_at: the firmware status after which nothing more happens. queue_holds: so many messages its memory holds while it is
    offline, 0: without bound. wrong_certificate: it shows one that nobody signed.
    signs: of what its meters sign at the end: "wrongly", with an "other_key", the value "changed" afterwards, the "page_again" of the record
    before, "no_end" in it, sent "late" (after the transaction's end) or "twice".
    """

    answer_late_s: float = 0.0
    never_answers: bool = False
    answers_nonsense: bool = False
    answers_error: str = ""
    rejects_profiles: bool = False
    ignores_profiles: bool = False
    twice: bool = False
    disordered: bool = False
    mute: bool = False
    lies: float = 1.0
    drops_before: str = ""
    drops_after: str = ""
    half_open: bool = False
    clock_off_s: float = 0.0
    reboots_at_s: float = 0.0
    firmware_sticks_at: str = ""
    queue_holds: int = 0
    wrong_certificate: bool = False
    signs: Signs = ""


NAMES = Faults.__struct_fields__


def parse_faults(words: Iterable[str]) -> Faults:
    """From `name` or `name=value`. Raises ValueError with what is wrong."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in NAMES:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(NAMES)}")
        found[name] = value if equals else "true"
    try:
        return msgspec.convert(found, Faults, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
