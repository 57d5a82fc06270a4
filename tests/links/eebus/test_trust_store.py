"""Whom we trust: what is said once is there after every crash, and a damaged file is never taken for an empty one."""

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.links.eebus.kill import dies_at

from chargebridge.links.eebus import trust_store
from chargebridge.links.eebus.peer import Address, Origin, Trusted
from chargebridge.links.eebus.trust_store import FileTrust, MemoryTrust, TrustError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOX = Trusted(ski="a" * 40, origin=Origin.USER, since=NOW, name="control box", fingerprint="A" * 64, address=Address("192.0.2.7", 4712))
WALLBOX = Trusted(ski="b" * 40, origin=Origin.CONFIGURATION, since=NOW, name="wallbox")
BY_QR = Trusted(ski=None, origin=Origin.PAIRING_SERVICE, since=NOW, fingerprint="C" * 64, ship_id="Box-1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "trust.json"
    file.parent.mkdir()
    file.write_bytes(trust_store.encode(()))
    return file


def test_what_is_put_is_there_after_a_restart(path: Path) -> None:
    store = FileTrust(path)
    for entry in (BOX, WALLBOX, BY_QR):
        store.put(entry)
    store.put(replace(BOX, name="another name"))
    store.remove(WALLBOX.ski or "")
    assert FileTrust(path).all() == store.all() == (replace(BOX, name="another name"), BY_QR)
    assert store.of("a" * 40) == FileTrust(path).by_fingerprint("A" * 64)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_entry_of_a_fingerprint_takes_the_ski_that_tls_shows(path: Path) -> None:
    store = FileTrust(path)
    store.put(BY_QR)
    assert store.by_fingerprint("C" * 64) == BY_QR
    store.put(replace(BY_QR, ski="c" * 40))
    assert store.all() == (replace(BY_QR, ski="c" * 40),)
    store.put(BY_QR)
    assert store.of("c" * 40) is not None, "what TLS has shown is not forgotten"
    store.remove_fingerprint("C" * 64)
    assert store.of("c" * 40) is not None, "only entries without a SKI are removed by their fingerprint"
    store.remove("c" * 40)
    store.put(BY_QR)
    store.remove_fingerprint("C" * 64)
    assert store.all() == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged"),
        (b'{"version":1,"trusted":[{"ski":"aa', "damaged"),
        (b'{"version":2,"trusted":[]}', "version 2"),
        (b'{"version":1,"trusted":[],"more":1}', "damaged"),
        (trust_store.encode((BOX,)).replace(b"a" * 40, b"A" * 40), "usual form"),
        (trust_store.encode((BOX,)).replace(b"a" * 40, b"a" * 39), "40 hexadecimal"),
        (trust_store.encode((BOX,)).replace(b"12:00:00Z", b"12:00:00"), "or its times"),
        (trust_store.encode((BOX, WALLBOX)).replace(b"b" * 40, b"a" * 40), "twice"),
        (trust_store.encode((BOX,)).replace(b'"' + b"a" * 40 + b'"', b"null").replace(b'"' + b"A" * 64 + b'"', b"null"), "neither"),
        (b" " * (trust_store.MAX_FILE + 1), "more than"),
    ],
)
def test_a_damaged_file_is_an_error_with_a_cure_and_stays_as_it_is(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(TrustError) as error:
        FileTrust(path)
    assert reason in error.value.reason
    assert error.value.cure
    assert path.read_bytes() == content


def test_a_missing_file_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="backup"):
        FileTrust(tmp_path / "trust.json")


def test_a_write_that_fails_changes_nothing(path: Path) -> None:
    store = FileTrust(path)
    store.put(BOX)
    path.parent.rename(path.parent.with_name("gone"))
    with pytest.raises(TrustError, match="nothing has changed"):
        store.put(WALLBOX)
    assert store.all() == (BOX,)


@given(
    st.binary(max_size=300)
    | st.builds(lambda cut, by: trust_store.encode((BOX, BY_QR))[:cut] + by, st.integers(0, 600), st.binary(max_size=9))
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        entries = trust_store.decode(content, "trust.json")
    except TrustError:
        return
    assert trust_store.decode(trust_store.encode(entries), "again") == entries


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=12))
def test_no_entry_ever_stands_twice(calls: list[tuple[str, bool, bool]]) -> None:
    store = MemoryTrust()
    for letter, with_ski, with_fingerprint in calls:
        ski, fingerprint = letter * 40 if with_ski else None, letter.upper() * 64 if with_fingerprint else None
        if ski or fingerprint:
            store.put(Trusted(ski=ski, origin=Origin.USER, since=NOW, fingerprint=fingerprint))
    skis = [entry.ski for entry in store.all() if entry.ski]
    assert len(skis) == len(set(skis))
    assert trust_store.decode(trust_store.encode(store.all()), "file") == store.all()


def test_killed_at_any_step_of_a_write_it_has_what_was_or_what_is_new(path: Path) -> None:
    was, new = (BOX, BY_QR), (replace(BOX, name="new"), BY_QR)
    for step in count(1):
        path.write_bytes(trust_store.encode(was))
        if not dies_at(step, lambda: FileTrust(path).put(new[0])):
            break
        assert FileTrust(path).all() in (was, new)
    assert FileTrust(path).all() == new
    assert step > 5
