"""The last frames of every peer, in memory and on disk."""

import asyncio
import json
import stat
from datetime import UTC, datetime

from tests.links.eebus.hubs import paired, until
from tests.wire.eebus.ship.scenes import DATA, INIT, READY

from chargebridge.links.eebus.trace import FRAMES, FRAMES_BYTES, STRANGERS, Trace
from chargebridge.links.eebus.trace_file import TraceFile
from chargebridge.wire.eebus.usecases.limitation import State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, TWO = "a1" * 20, "b2" * 20


def trace_of(*frames):
    trace = Trace(lambda: NOW)
    for frame in frames:
        trace.frame(*frame)
    return trace


def test_what_is_kept_is_bounded_by_number_and_by_size():
    trace = trace_of(*[(ONE, "in", READY)] * (FRAMES + 100))
    assert len(trace.entries(ONE)) == FRAMES
    assert trace.entries(ONE)[-1].number == FRAMES + 100
    big = trace_of(*[(ONE, "in", bytes(FRAMES_BYTES // 4))] * 10)
    assert len(big.entries(ONE)) == 4
    huge = trace_of((ONE, "in", bytes(2 * FRAMES_BYTES)))
    assert len(huge.entries(ONE)) == 1


def test_a_flood_of_strangers_neither_fills_the_memory_nor_pushes_out_a_peer():
    trace = trace_of((ONE, "in", READY))
    for number in range(2000):
        trace.frame(f"{number:040x}", "in", READY, stranger=True)
    assert len(trace.entries()) == FRAMES + 1
    assert trace.entries(ONE)[0].number == 1
    assert set(trace._rings) == {ONE, STRANGERS}
    assert len(trace.entries(f"{1999:040x}")) == 1


def test_heartbeats_and_values_push_out_nothing_else():
    values = b'\2{"header":[{"cmdClassifier":"notify"}],"payload":[{"measurementListData":[]}]}'
    trace = trace_of((ONE, "in", READY), *[(ONE, "in", values)] * (2 * FRAMES))
    assert (trace.entries(ONE)[0].number, len(trace.entries(ONE))) == (1, FRAMES + 1)
    assert trace.lines(ONE, limit=FRAMES + 1)[0].readable.function == "connectionHello"


def test_very_many_peers_share_what_there_is(monkeypatch):
    monkeypatch.setattr("chargebridge.links.eebus.trace.ALL_BYTES", 1024 * 1024)
    trace = trace_of()
    for _ in range(40):
        for number in range(64):
            trace.frame(f"{number:040x}", "in", bytes(2000))
    assert sum(len(entry.raw) for entry in trace.entries()) <= 1024 * 1024
    assert len(trace.entries(f"{0:040x}")) >= 8


def test_what_was_known_before_is_left_out():
    trace = trace_of((ONE, "in", INIT), (TWO, "in", INIT), (ONE, "out", READY))
    assert [entry.number for entry in trace.entries()] == [1, 2, 3]
    assert [line.number for line in trace.lines(ONE, after=1)] == [3]
    assert [line.number for line in trace.lines(limit=2)] == [2, 3]


def test_what_was_read_before_and_what_came_since_stay_together_while_old_frames_go(monkeypatch):
    """A frame is read once; looking often must show the same as looking once."""
    monkeypatch.setattr("chargebridge.links.eebus.trace.FRAMES", 5)
    looked, fresh = trace_of(), trace_of()
    for number in range(1, 40):
        for trace in (looked, fresh):
            trace.frame(ONE if number % 3 else TWO, "in", READY if number % 2 else INIT)
        if number % 4:
            looked.lines()
    assert looked.lines() == fresh.lines()
    assert [line.number for line in looked.lines(TWO)] == [27, 30, 33, 36, 39]
    assert [line.readable.function for line in looked.lines(TWO)] == [
        "connectionHello",
        "init",
        "connectionHello",
        "init",
        "connectionHello",
    ]


def test_frames_are_read_and_notes_are_told():
    trace = trace_of((ONE, "in", READY))
    trace.note(ONE, "closed")
    ready, note = trace.lines(ONE)
    assert (ready.readable.classifier, ready.readable.function, ready.size) == ("ship", "connectionHello", len(READY))
    assert (note.direction, note.readable, note.text) == ("", None, "closed")
    assert trace.raw(1) == READY
    assert trace.raw(99) is None


async def test_a_limit_is_seen_on_both_sides_with_its_answer():
    async with paired() as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        await box.limit(house, 4200)
        await until(lambda: box.guard.report((house.ski, (1,))).active)
        for device, other, way in ((house, box, ("in", "out")), (box, house, ("out", "in"))):
            lines = [line for line in device.hub.trace.lines(other.ski, limit=1000) if line.readable]
            write = next(place for place, line in enumerate(lines) if line.readable.classifier == "write" and "4200" in line.readable.value)
            result = next(line for line in lines[write:] if line.readable.classifier == "result")
            assert (lines[write].direction, result.direction) == way
            assert (result.readable.function, result.readable.result) == ("loadControlLimitListData", "ok")


async def test_the_file_has_all_and_stays_within_its_size(tmp_path):
    path = tmp_path / "eebus.trace"
    trace, file = Trace(lambda: NOW), TraceFile(path, 2000)
    trace.on_entry(file.add)
    task = asyncio.create_task(file.run())
    await asyncio.sleep(0)
    for _ in range(4):
        trace.frame(ONE, "in", DATA)
        trace.note(ONE, "closed")
    task.cancel()
    await asyncio.wait({task})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 9))
    assert (lines[0]["type"], lines[0]["text"]) == (2, DATA[1:].decode())
    assert lines[1]["note"] == "closed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for _ in range(20):
        for _ in range(10):
            trace.frame(ONE, "in", DATA)
        file._write(*file._taken())
    assert path.stat().st_size + (tmp_path / "eebus.trace.1").stat().st_size < 3 * 2000 + 4000
    assert len(list(tmp_path.iterdir())) == 2


async def test_a_file_that_cannot_be_written_costs_only_itself(tmp_path, capsys):
    file = TraceFile(tmp_path / "not" / "there", 2000)
    trace_of().on_entry(file.add)
    file.add(trace_of((ONE, "in", READY)).entries()[0])
    file._write(*file._taken())
    assert "cannot be written" in capsys.readouterr().out
