"""The log's tree: the RFC's own roots, proofs for every size, and no proof for what is not so."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.calibration.merkle import EMPTY, MerkleTree, continues, includes, leaf_hash, node_hash

ENTRIES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
TREE = MerkleTree(map(leaf_hash, ENTRIES))


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word by word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_of_certificate_transparency(size: int) -> None:
    assert TREE.root(size).hex() == ROOTS[size]
    assert EMPTY.hex() == ROOTS[0]


def test_every_proof_of_every_size_holds_and_is_as_long_as_it_must_be() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(66)]
    tree = MerkleTree(leaves)
    for size in range(1, 67):
        assert tree.root(size) == by_definition(leaves[:size])
        for index in range(size):
            path = tree.inclusion(index, size)
            assert len(path) <= (size - 1).bit_length()
            assert includes(leaves[index], index, size, path, tree.root(size))
        for old in range(size + 1):
            assert continues(old, tree.root(old), size, tree.root(size), tree.consistency(old, size))


@given(data=st.data(), size=st.integers(1, 300))
def test_what_is_not_so_cannot_be_proven(data: st.DataObject, size: int) -> None:
    tree = MerkleTree(leaf_hash(number.to_bytes(2, "big")) for number in range(size))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index, size)
    root = tree.root()
    assert not includes(leaf_hash(b"another"), index, size, path, root)
    assert not includes(tree.leaf(index), index, size, [*path, root], root)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not includes(tree.leaf(index), index, size, [*path[:at], bytes(32), *path[at + 1 :]], root)
        assert not includes(tree.leaf(index), index, size, path[:-1], root)
    if size > 1:
        other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
        assert not includes(tree.leaf(index), other, size, path, root)


@given(data=st.data(), size=st.integers(2, 200))
def test_a_history_that_was_rewritten_is_not_continued(data: st.DataObject, size: int) -> None:
    honest = [leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    before, after = MerkleTree(honest[:old]), MerkleTree([*honest[:changed], leaf_hash(b"rewritten"), *honest[changed + 1 :]])
    assert not continues(old, before.root(), size, after.root(), after.consistency(old))
    assert not continues(old, before.root(), size, MerkleTree(honest).root(), [])


def test_entries_that_are_not_there_are_refused() -> None:
    for ask in (lambda: TREE.inclusion(8), lambda: TREE.root(9), lambda: TREE.consistency(5, 3), lambda: TREE.inclusion(-2)):
        with pytest.raises(IndexError, match="8 entries"):
            ask()
