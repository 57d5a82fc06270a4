"""The identity on disk: made once, whole, and never again by itself; damage is an error with a cure."""

import multiprocessing
import shutil
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.links.eebus.kill import dies_at

from chargebridge.links.eebus import accepted_digests, identity_folder
from chargebridge.links.eebus.accepted_digests import AcceptedDigests, DigestsError
from chargebridge.links.eebus.identity_folder import FILES, NODE, IdentityError, IdentityFolder, NewNode, certificate_end, expiry
from chargebridge.links.eebus.trust_store import FileTrust

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEW = NewNode("Acme", "HEMS", "4711")


def test_it_is_made_once_and_stays_whatever_the_configuration_calls_it_later(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "eebus")
    own = folder.open(NEW, NOW)
    assert (own.ship_id, own.device_address) == ("Acme-HEMS-4711", "d:_n:Acme_HEMS-4711")
    assert folder.open(NewNode("Other", "Name"), NOW + timedelta(days=1)) == own == IdentityFolder(folder.path).read()
    assert FileTrust(folder.trust_file).all() == AcceptedDigests(folder.pairing_file).all() == ()
    assert len(own.secret) == 16
    assert own.secret.hex() not in repr(own)


def test_nobody_else_can_read_it_and_rights_that_a_copy_lost_are_put_right(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "eebus")
    own = folder.open(NEW, NOW)
    for path in (folder.node, *(folder.node / name for name in FILES)):
        assert path.stat().st_mode & 0o077 == 0
        path.chmod(0o755)
    assert folder.read() == own
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder.node, *folder.node.iterdir()))


def test_without_a_serial_number_two_nodes_are_not_called_the_same(tmp_path: Path) -> None:
    first, second = (IdentityFolder(tmp_path / name).open(NewNode("Acme", "HEMS"), NOW) for name in "ab")
    assert first.ship_id != second.ship_id
    assert first.device_address != second.device_address


def test_a_configuration_with_another_ship_id_is_an_error_that_names_both(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    own = folder.open(NewNode("Acme", "HEMS", ship_id="House-1", device_address="d:_n:Acme_1"), NOW)
    assert (own.ship_id, own.device_address) == ("House-1", "d:_n:Acme_1")
    with pytest.raises(IdentityError, match=r"House-1.*House-2"):
        folder.open(NewNode("Acme", "HEMS", ship_id="House-2"), NOW)
    assert folder.read() == own


@pytest.mark.parametrize(
    "new",
    [
        NewNode("Acme", "HEMS", "1;2"),
        NewNode("Acme", "HEMS", ship_id="x" * 300),
        NewNode("Acme", "HEMS", ship_id="a\nb"),
        NewNode("", "HEMS"),
        NewNode("Acme", "HEMS", device_address="d" * 200),
    ],
)
def test_names_that_no_peer_could_use_make_no_identity(tmp_path: Path, new: NewNode) -> None:
    with pytest.raises(IdentityError):
        IdentityFolder(tmp_path).open(new, NOW)
    assert not (tmp_path / "node").exists()
    assert IdentityFolder(tmp_path).open(NEW, NOW)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_an_error_and_makes_no_new_identity(tmp_path: Path, name: str) -> None:
    folder = IdentityFolder(tmp_path)
    folder.open(NEW, NOW)
    (folder.node / name).unlink()
    before = {path.name: path.read_bytes() for path in folder.node.iterdir()}
    with pytest.raises(IdentityError, match=f"no {name}.*backup"):
        folder.open(NEW, NOW)
    assert before == {path.name: path.read_bytes() for path in folder.node.iterdir()}


@pytest.mark.parametrize("name", ["key.pem", "certificate.pem", "node.json"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 400, b"{}", b" " * (identity_folder.MAX_FILE + 1)])
def test_a_file_that_is_damaged_is_an_error_and_makes_no_new_identity(tmp_path: Path, name: str, content: bytes) -> None:
    folder = IdentityFolder(tmp_path)
    folder.open(NEW, NOW)
    (folder.node / name).write_bytes(content)
    with pytest.raises(IdentityError, match="backup"):
        folder.open(NEW, NOW)
    assert (folder.node / name).read_bytes() == content


def test_key_and_certificate_of_two_nodes_are_no_identity(tmp_path: Path) -> None:
    mine, other = IdentityFolder(tmp_path / "mine"), IdentityFolder(tmp_path / "other")
    for folder in (mine, other):
        folder.open(NEW, NOW)
    shutil.copy(other.node / "key.pem", mine.node / "key.pem")
    with pytest.raises(IdentityError, match="another key"):
        mine.open(NEW, NOW)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityError, match="this user"):
        IdentityFolder(tmp_path / "file").open(NEW, NOW)


def test_only_one_process_uses_it_at_a_time(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    folder.open(NEW, NOW)
    with folder.alone(), pytest.raises(IdentityError, match="in use"), IdentityFolder(tmp_path).alone():
        pass
    with folder.alone():
        pass


def _open(path: str, answer: "multiprocessing.queues.Queue[str]") -> None:
    answer.put(IdentityFolder(Path(path)).open(NEW, NOW).identity.ski)


def test_two_processes_that_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.queues.Queue[str] = context.Queue()
    makers = [context.Process(target=_open, args=(str(tmp_path), answer)) for _ in range(4)]
    for maker in makers:
        maker.start()
    skis = {answer.get(timeout=30) for _ in makers}
    for maker in makers:
        maker.join()
    assert skis == {IdentityFolder(tmp_path).read().identity.ski}


def test_killed_at_any_step_of_making_it_there_is_all_of_it_or_nothing(tmp_path: Path) -> None:
    outcomes = []
    for step in count(1, 3):
        folder = IdentityFolder(tmp_path / str(step))
        if not dies_at(step, lambda: folder.open(NEW, NOW)):  # noqa: B023
            break
        made = folder.read() if folder.node.exists() else None
        own = folder.open(NEW, NOW)
        assert made in (None, own)
        assert not list(folder.path.glob(".node.*"))
        outcomes.append(made is not None)
    assert sorted(outcomes) == outcomes
    assert len(outcomes) > 5
    assert outcomes[0] < outcomes[-1], "it was killed before and after the moment when it comes to be"


def test_a_new_secret_is_a_new_qr_code_and_nothing_else(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    own = folder.open(NEW, NOW)
    AcceptedDigests(folder.pairing_file).add("A" * 64)
    changed = folder.change_secret()
    assert changed.secret != own.secret
    assert folder.read() == changed
    assert changed.identity == own.identity
    assert AcceptedDigests(folder.pairing_file).all() == ()


def test_the_owner_is_warned_a_year_before_the_certificate_ends(tmp_path: Path) -> None:
    identity = IdentityFolder(tmp_path).open(NEW, NOW).identity
    end = certificate_end(identity)
    assert end - NOW > timedelta(days=3600)
    assert expiry(identity, NOW) is None
    assert expiry(identity, end - timedelta(days=366)) is None
    soon, late = expiry(identity, end - timedelta(days=364)), expiry(identity, end)
    assert soon is not None
    assert late is not None
    assert ("expires" in soon.reason, "has expired" in late.reason) == (True, True)
    assert f"{end:%Y-%m-%d}" in soon.reason


def test_accepted_digests_are_there_after_a_restart_and_after_a_kill_at_any_step(tmp_path: Path) -> None:
    path = tmp_path / "pairing.json"
    path.write_bytes(accepted_digests.encode(()))
    for number in range(12):
        AcceptedDigests(path).add(f"{number:064x}")
    before = tuple(f"{number:064X}" for number in range(2, 12))
    assert AcceptedDigests(path).all() == before
    for step in count(1):
        if not dies_at(step, lambda: AcceptedDigests(path).add("F" * 64)):
            break
        assert AcceptedDigests(path).all() in (before, (*before[1:], "F" * 64))
        path.write_bytes(accepted_digests.encode(before))
    assert AcceptedDigests(path).all()[-1] == "F" * 64


@given(
    st.binary(max_size=200)
    | st.builds(lambda cut, by: accepted_digests.encode(("A" * 64,))[:cut] + by, st.integers(0, 120), st.binary(max_size=9))
)
def test_any_list_of_digests_is_read_or_refused(content: bytes) -> None:
    try:
        digests = accepted_digests.decode(content, "pairing.json")
    except DigestsError:
        return
    assert accepted_digests.decode(accepted_digests.encode(digests), "again") == digests


FILES_OF_ONE = identity_folder.new_contents(NEW, NOW)


@given(st.sampled_from(["key.pem", "certificate.pem", NODE]), st.integers(0, 2000), st.binary(min_size=1, max_size=12))
def test_any_damage_is_refused_or_does_no_harm(name: str, at: int, by: bytes) -> None:
    files = dict(FILES_OF_ONE)
    files[name] = files[name][:at] + by + files[name][at + len(by) :]
    try:
        own = identity_folder.node_of(files, "folder")
    except IdentityError:
        return
    assert own.ship_id
    assert own.device_address
    assert own.identity.ski == identity_folder.node_of(FILES_OF_ONE, "folder").identity.ski
