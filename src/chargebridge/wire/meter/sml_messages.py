"""The messages of an SML file: ``{transaction, group, abort, {tag, body}, crc, 00}``, each with a checksum of its own."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from chargebridge.wire.meter.crc import kermit, x25
from chargebridge.wire.meter.sml_tree import END_OF_MESSAGE

GET_LIST_RESPONSE = 0x0701
_CHECKSUM_HEAD = b"\x63"
Tree = TypeVar("Tree")


def messages(payload: bytes, parse: Callable[[bytes, int], tuple[Tree, int]]) -> Iterator[tuple[int, int, Tree]]:
    """For each message where it begins, where that ends which its checksum covers, and what ``parse`` makes of it."""
    at = 0
    while at < len(payload):
        if payload[at] == END_OF_MESSAGE:
            at += 1
            continue
        tree, end = parse(payload, at)
        yield at, max(at, end - (4 if payload[at:end][-4:-3] == _CHECKSUM_HEAD else 3)), tree
        at = end


def is_right(covered: bytes, stated: object) -> bool:
    """Whether the checksum, sent low byte first and read high byte first, is that of the bytes that it covers."""
    if not isinstance(stated, int):
        return False
    sent = (stated & 0xFF) << 8 | stated >> 8
    return sent == x25(covered) or sent == kermit(covered)
