"""The frame counter in its file: no number is ever used twice, whatever happens."""

from pathlib import Path

import pytest

from chargebridge.meters.cosem.frame_counter import STRETCH, FileCounter, counter_of
from chargebridge.meters.port import MeterError
from chargebridge.wire.cosem.errors import CosemError


def test_the_frame_counter_outlives_everything(tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("7")
    counter = FileCounter(file, "here")
    assert [counter.take() for _ in range(3)] == [7, 8, 9]
    assert int(file.read_text()) == 7 + STRETCH
    for _ in range(STRETCH):
        counter.take()
    assert int(file.read_text()) == 7 + 2 * STRETCH
    with pytest.raises(CosemError) as told:
        FileCounter(file, "there").take()
    assert "only one program" in told.value.cure
    del counter
    assert FileCounter(file, "here").take() == 7 + 2 * STRETCH


def test_one_process_shares_a_counter(tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("1")
    one, two = counter_of(file, "here"), counter_of(tmp_path / "." / "count", "here")
    assert [one.take(), two.take(), one.take()] == [1, 2, 3]


@pytest.mark.parametrize("text", [None, "", "-1", "x", "1.5"])
def test_a_counter_file_that_cannot_be(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "count"
    if text is not None:
        file.write_text(text)
    with pytest.raises(MeterError) as told:
        FileCounter(file, "here")
    assert "write a number" in told.value.cure
