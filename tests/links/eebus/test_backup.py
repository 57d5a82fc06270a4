"""An identity put away in one file and brought back, on another machine too."""

import json
import shutil
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.links.eebus.kill import dies_at

from chargebridge.links.eebus import backup
from chargebridge.links.eebus.accepted_digests import AcceptedDigests
from chargebridge.links.eebus.identity_folder import IdentityError, IdentityFolder, NewNode, OwnNode
from chargebridge.links.eebus.peer import Origin, Trusted
from chargebridge.links.eebus.trust_store import FileTrust, TrustError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOX = Trusted(ski="a" * 40, origin=Origin.USER, since=NOW, name="control box")


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a second of reckoning for each shows nothing."""
    monkeypatch.setattr(backup, "SCRYPT_N", 2**14)
    monkeypatch.setattr(backup, "SCRYPT_P", 1)


def lived_in(path: Path) -> tuple[IdentityFolder, OwnNode]:
    folder = IdentityFolder(path)
    own = folder.open(NewNode("Acme", "HEMS", "4711"), NOW)
    FileTrust(folder.trust_file).put(BOX)
    AcceptedDigests(folder.pairing_file).add("D" * 64)
    return folder, own


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_it_comes_back_whole_on_an_empty_machine(tmp_path: Path, passphrase: str | None) -> None:
    old, own = lived_in(tmp_path / "old")
    written = backup.write(old, NOW, passphrase)
    new = IdentityFolder(tmp_path / "new")
    assert backup.restore(new, written, NOW, passphrase) == own == new.read()
    assert new.contents() == old.contents()
    assert new.node.stat().st_mode & 0o777 == 0o700
    assert FileTrust(new.trust_file).all() == (BOX,)
    assert new.open(NewNode("Acme", "HEMS"), NOW) == own
    assert backup.needs_passphrase(written) == (passphrase is not None)
    if passphrase:
        assert own.secret.hex() not in repr(json.loads(written))
        for wrong in (None, "", "wrong"):
            with pytest.raises(IdentityError, match="passphrase"):
                backup.restore(IdentityFolder(tmp_path / "third"), written, NOW, wrong)
        assert not (tmp_path / "third" / "node").exists()


def test_another_identity_is_only_replaced_when_told_to_and_then_moved_aside(tmp_path: Path) -> None:
    old, own = lived_in(tmp_path / "old")
    written = backup.write(old, NOW)
    other, theirs = lived_in(tmp_path / "other")
    with pytest.raises(IdentityError, match="another identity"):
        backup.restore(other, written, NOW)
    assert other.read() == theirs
    for times in (1, 2):
        assert backup.restore(other, written, NOW, overwrite=True) == own
        assert len(list(other.path.glob("before-*"))) == times
    [first, _] = sorted(other.path.glob("before-*"))
    first.rename(other.path.parent / "node")
    assert IdentityFolder(other.path.parent).read() == theirs


def test_the_same_identity_gets_the_trust_of_the_backup(tmp_path: Path) -> None:
    folder, own = lived_in(tmp_path)
    written = backup.write(folder, NOW)
    FileTrust(folder.trust_file).remove(BOX.ski or "")
    assert backup.restore(folder, written, NOW) == own
    assert FileTrust(folder.trust_file).all() == (BOX,)


@pytest.mark.parametrize("name", ["key.pem", "node.json"])
def test_it_is_the_cure_for_a_damaged_folder(tmp_path: Path, name: str) -> None:
    folder, own = lived_in(tmp_path)
    written = backup.write(folder, NOW)
    (folder.node / name).write_bytes(b"")
    with pytest.raises(IdentityError):
        backup.write(folder, NOW)
    assert backup.restore(folder, written, NOW) == own == folder.read()


def test_a_damaged_trust_store_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    folder, _ = lived_in(tmp_path)
    folder.trust_file.write_bytes(b"{")
    with pytest.raises(TrustError):
        backup.write(folder, NOW)


def test_nothing_is_restored_under_a_running_hub(tmp_path: Path) -> None:
    folder, own = lived_in(tmp_path)
    written = backup.write(folder, NOW)
    with folder.alone(), pytest.raises(IdentityError, match="in use"):
        backup.restore(folder, written, NOW)
    assert folder.read() == own


def test_killed_at_any_step_there_is_one_of_the_two_or_an_error_and_never_a_third(tmp_path: Path) -> None:
    source, wanted = lived_in(tmp_path / "backup")
    written = backup.write(source, NOW)
    template, was = lived_in(tmp_path / "template")
    seen = set()
    for step in count(1, 3):
        folder = IdentityFolder(tmp_path / str(step))
        shutil.copytree(template.path, folder.path)
        if not dies_at(step, lambda: backup.restore(folder, written, NOW, overwrite=True)):  # noqa: B023
            break
        try:
            now = folder.open(NewNode("Acme", "HEMS"), NOW)
        except IdentityError:  # between the two renames
            assert backup.restore(folder, written, NOW) == wanted
        else:
            assert now in (was, wanted)
            seen.add("was" if now == was else "wanted")
    assert "was" in seen
    assert folder.read() == wanted


def test_an_identity_that_a_crash_left_aside_is_not_replaced_by_a_new_one_and_restored_again(tmp_path: Path) -> None:
    folder, own = lived_in(tmp_path)
    written = backup.write(folder, NOW)
    folder.move_aside(NOW)
    with pytest.raises(IdentityError, match="identity restore"):
        folder.open(NewNode("Acme", "HEMS"), NOW)
    assert backup.restore(folder, written, NOW) == own == folder.read()


@cache
def plain_and_enciphered() -> tuple[bytes, bytes]:
    with TemporaryDirectory() as path:
        folder, _ = lived_in(Path(path))
        return backup.write(folder, NOW), backup.write(folder, NOW, "correct horse")


@given(st.booleans(), st.integers(0, 6000), st.binary(min_size=1, max_size=8))
def test_a_byte_that_changed_is_noticed(enciphered: bool, at: int, by: bytes) -> None:
    whole = plain_and_enciphered()[enciphered]
    at %= len(whole)
    damaged = whole[:at] + by + whole[at + len(by) :]
    if json_of(damaged) == json_of(whole):
        return  # blanks between elements only
    with pytest.raises(IdentityError), TemporaryDirectory() as path:
        backup.restore(IdentityFolder(Path(path) / "new"), damaged, NOW, "correct horse" if enciphered else None)


def json_of(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"version": 2},
        {"made_at": "2020-01-01T00:00:00Z"},
        {"ski": "b" * 40},
        {"more": 1},
        {"sha256": "0" * 64},
        {"content": ""},
    ],
)
def test_a_changed_head_is_refused(change: dict[str, object]) -> None:
    for whole in plain_and_enciphered():
        with pytest.raises(IdentityError):
            backup.needs_passphrase(json.dumps(json.loads(whole) | change).encode())


def test_a_cipher_that_would_take_all_memory_is_refused() -> None:
    read = json.loads(plain_and_enciphered()[1])
    with pytest.raises(IdentityError):
        backup.needs_passphrase(json.dumps(read | {"cipher": read["cipher"] | {"n": 2**30}}).encode())
