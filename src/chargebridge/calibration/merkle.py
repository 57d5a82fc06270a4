"""The append-only log under the registry: a Merkle tree after RFC 6962 section 2.1 (RFC 9162 section 2.1), with SHA-256.

    leaf hash    SHA-256(00 || entry)
    node hash    SHA-256(01 || left || right); left has the largest power of two of leaves below the whole
    empty tree   SHA-256()

Whoever keeps a root can be shown that an entry is in the log (inclusion) and that a later log has all that an earlier one had, in its order
(consistency). Proofs are lists of hashes, as the RFC orders them.
"""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """Keeps the hashes of all full subtrees: 64 bytes an entry; appending costs a few hashes, a proof their logarithm."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """leaves: their hashes."""
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """leaf: its hash."""
        level = 0
        self._levels[0].append(leaf)
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node_hash(left, right))

    def leaf(self, index: int) -> bytes:
        return self._levels[0][index]

    def root(self, size: int | None = None) -> bytes:
        """Of the first ``size`` entries; all of them, if none is given."""
        size = len(self) if size is None else size
        self._check(0, size)
        return EMPTY if size == 0 else self._hash(0, size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The audit path of an entry in the tree of the first ``size`` (2.1.1). Raises IndexError where there is no such entry."""
        size = len(self) if size is None else size
        self._check(index + 1, size)
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """That the first ``old`` entries are the begin of the first ``new`` (2.1.2). Raises IndexError where there are not so many."""
        new = len(self) if new is None else new
        self._check(old, new)
        if old in (0, new):
            return []
        path: list[bytes] = []
        start, end, whole = 0, new, True
        while old < end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._hash(start, end))
        return path[::-1]

    def _check(self, low: int, size: int) -> None:
        if not 0 <= low <= size <= len(self):
            raise IndexError(f"the log has {len(self)} entries; {low} of {size} were asked for")

    def _hash(self, start: int, end: int) -> bytes:
        """Of the entries from ``start`` to before ``end``, which is a node of the tree."""
        size = end - start
        level = size.bit_length() - 1
        if size == 1 << level:
            return self._levels[level][start >> level]
        middle = start + _split(size)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether an audit path proves an entry (RFC 9162, 2.1.3.2). leaf: its hash."""
    if not 0 <= index < size:
        return False
    low, high, found = index, size - 1, leaf
    for step in path:
        if high == 0:
            return False
        if low & 1 or low == high:
            found = node_hash(step, found)
            while low and not low & 1:
                low, high = low >> 1, high >> 1
        else:
            found = node_hash(found, step)
        low, high = low >> 1, high >> 1
    return high == 0 and found == root


def continues(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a proof shows that the later tree has all that the earlier one had (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not path and old_root == EMPTY
    if old == new:
        return not path and old_root == new_root
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    low, high = old - 1, new - 1
    while low & 1:
        low, high = low >> 1, high >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if high == 0:
            return False
        if low & 1 or low == high:
            first, second = node_hash(step, first), node_hash(step, second)
            while low and not low & 1:
                low, high = low >> 1, high >> 1
        else:
            second = node_hash(second, step)
        low, high = low >> 1, high >> 1
    return high == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
