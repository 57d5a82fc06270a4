"""The log on disk: it is as it was after any end, and whoever changes a byte of it is found and the place is named."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.calibration.registry.kit import ABC, handed, opened

from chargebridge.calibration.merkle import continues
from chargebridge.calibration.registry import rules
from chargebridge.calibration.registry.errors import TamperedError
from chargebridge.calibration.registry.heads import vouches


async def filled(folder: Path, count: int = 6) -> None:
    async with opened(folder) as registry:
        for number in range(count):
            await registry.propose(lambda entries, at, number=number: rules.commission(entries, handed(number), f"e{number}", at))
            if number % 2:
                await registry.publish()
        await registry.propose(lambda entries, at: rules.decommission(entries, "e1", ABC, at))
        await registry.publish()


async def test_a_registry_is_the_same_after_it_was_closed(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with opened(tmp_path) as registry:
        first = (registry.entries.by_id, registry.heads)
        for old, new in zip(registry.heads, registry.heads[1:], strict=False):
            assert continues(old.size, old.root, new.size, new.root, registry.consistency(old.size, new.size))
        assert all(vouches(registry.public_pem, head) for head in registry.heads)
    async with opened(tmp_path) as registry:
        assert (registry.entries.by_id, registry.heads) == first


CHANGES = (
    ("update registry_event set body = replace(body, 'M2', 'M9') where position = 2", "row 2 "),
    ("delete from registry_event where position = 3", "row 3 "),
    ("update registry_event set leaf = zeroblob(32) where position = 4", "row 4 "),
    ("update registry_head set root = zeroblob(32) where number = 2", "rows 2 to 3|not signed"),
    ("update registry_head set size = 3 where number = 2", "not signed"),
    ("delete from registry_event where position >= 5", "there are 5"),
    ("update registry_head set signature = zeroblob(70) where number = 1", "not signed"),
)


@pytest.mark.parametrize(("change", "named"), CHANGES, ids=[named for _, named in CHANGES])
async def test_a_changed_row_is_named(tmp_path: Path, change: str, named: str) -> None:
    await filled(tmp_path)
    execute(tmp_path, change)
    with pytest.raises(TamperedError, match=named):
        await reopened(tmp_path)


async def test_a_row_that_was_logged_anew_with_its_hash_is_found_by_the_heads(tmp_path: Path) -> None:
    """Whoever changes bytes and their hash still lacks the registry's key."""
    from chargebridge.calibration.merkle import leaf_hash

    await filled(tmp_path)
    with sqlite3.connect(tmp_path / "registry.db") as db:
        (body,) = db.execute("select body from registry_event where position = 2").fetchone()
        forged = body.replace(b"M2", b"M9")
        db.execute("update registry_event set body = ?, leaf = ? where position = 2", (forged, leaf_hash(forged)))
    db.close()
    with pytest.raises(TamperedError, match="rows 2 to 3"):
        await reopened(tmp_path)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest")
    asyncio.run(filled(folder))
    return folder


@given(data=st.data())
def test_no_byte_of_a_row_can_be_another(honest: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(honest, folder, dirs_exist_ok=True)
    table, column = data.draw(st.sampled_from([("registry_event", "body"), ("registry_event", "leaf"), ("registry_head", "root")]))
    with sqlite3.connect(folder / "registry.db") as db:
        rows = db.execute(f"select rowid, {column} from {table}").fetchall()  # noqa: S608
        place, content = data.draw(st.sampled_from(rows))
        at = data.draw(st.integers(0, len(content) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        changed = content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
        db.execute(f"update {table} set {column} = ? where rowid = ?", (changed, place))  # noqa: S608
    db.close()
    with pytest.raises(TamperedError):
        asyncio.run(reopened(folder))


async def reopened(folder: Path) -> None:
    async with opened(folder):
        pass


def execute(folder: Path, change: str) -> None:
    with sqlite3.connect(folder / "registry.db") as db:
        db.execute(change)
    db.close()


WRITER = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from chargebridge.calibration.registry import rules
    from tests.calibration.registry.kit import handed, opened

    async def main():
        async with opened(Path(sys.argv[1])) as registry:
            for number in range(1000):
                await registry.propose(lambda entries, at: rules.commission(entries, handed(number), f"e{number}", at))
                print(number, flush=True)
                if number % 3 == 0:
                    await registry.publish()
                    print(f"head {len(registry)}", flush=True)
    asyncio.run(main())
""")


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    answered, head = -1, 0
    for line in process.stdout:
        if line.startswith("head"):
            head = int(line.split()[1])
        else:
            answered = int(line)
        if answered == 40:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    asyncio.run(_has(tmp_path, answered, head))


async def _has(folder: Path, answered: int, head: int) -> None:
    async with opened(folder) as registry:
        assert len(registry) >= answered + 1
        assert registry.head.size >= head
        assert f"e{answered}" in registry.entries.by_id
