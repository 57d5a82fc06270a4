"""What a kWh costs when: lists, the day before, network fees by the clock, and files that are none."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.site.config import NetworkFee, PriceTable
from chargebridge.site.prices import PriceBook, PriceEntry, checked, read_file

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(hours: float, price: float, lasts: float = 1.0) -> PriceEntry:
    return PriceEntry(starts_at=NOON + hours * HOUR, ends_at=NOON + (hours + lasts) * HOUR, per_kwh=price)


def total(book: PriceBook, hours: float) -> float | None:
    found = book.at(NOON + hours * HOUR)
    return None if found is None else found.total


def test_a_list_goes_before_the_day_before_and_that_before_the_fixed_price() -> None:
    book = PriceBook(0.30)
    assert total(book, 0) == 0.30
    book.take([entry(0, 0.10), entry(1, 0.20)], NOON)
    assert [total(book, h) for h in (0.5, 1.5, 2.5, 24.5, 25.5, 26.5)] == [0.10, 0.20, 0.30, 0.10, 0.20, 0.30]
    known = book.at(NOON + 24.5 * HOUR)
    assert known is not None
    assert PriceBook().at(NOON) is None
    assert not PriceBook()


def test_newer_prices_replace_those_of_their_time_only() -> None:
    book = PriceBook()
    book.take([entry(h, 0.30) for h in range(4)], NOON)
    book.take([entry(1, 0.05), entry(2, 0.06)], NOON)
    assert [total(book, h) for h in (0.5, 1.5, 2.5, 3.5)] == [0.30, 0.05, 0.06, 0.30]
    assert book.version == 2


def test_what_is_of_tomorrow_and_only_guessed_is_said_to_be() -> None:
    book = PriceBook()
    book.take([entry(0, 0.10)], NOON)
    today, tomorrow = book.at(NOON), book.at(NOON + 24 * HOUR)
    assert today is not None
    assert tomorrow is not None
    assert (today.known, tomorrow.known) == (True, False)


def test_network_fees_go_by_the_sites_clock_also_over_midnight() -> None:
    table = PriceTable(
        network_per_kwh=0.06,
        network=(NetworkFee(since=time(17), until=time(20), per_kwh=0.12), NetworkFee(since=time(23), until=time(5), per_kwh=0.02)),
    )
    book = PriceBook(0.20, table, "Europe/Berlin")
    at = [book.at(datetime(2026, 11, 21, hour, tzinfo=UTC)) for hour in (12, 16, 18, 19, 22, 2)]
    assert [round(found.total, 2) for found in at if found is not None] == [0.26, 0.32, 0.32, 0.26, 0.22, 0.22]
    edges = book.edges(NOON, NOON + 24 * HOUR)
    assert {edge.hour for edge in edges} == {16, 19, 22, 4}


def test_steps_are_cut_where_the_list_changes() -> None:
    book = PriceBook(0.3)
    book.take([entry(0.5, 0.1, lasts=0.25)], NOON)
    assert book.edges(NOON, NOON + HOUR) == {NOON + 0.5 * HOUR, NOON + 0.75 * HOUR}


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "starts_at,per_kwh,export_per_kwh,co2_g_per_kwh\n2026-11-21T13:00+01:00,0.31,,420\n2026-11-21T14:00+01:00,-0.02,0.01,90\n"
    )
    first, last = read_file(file)
    assert (first.starts_at, first.ends_at, first.per_kwh, first.export_per_kwh, first.co2_g_per_kwh) == (
        NOON,
        NOON + HOUR,
        0.31,
        None,
        420,
    )
    assert (last.ends_at, last.per_kwh, last.export_per_kwh) == (NOON + 2 * HOUR, -0.02, 0.01)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "starts_at,per_kwh\nx,1\n",
        "starts_at,per_kwh\n2026-11-21T13:00,0.3\n",
        "per_kwh\n0.3\n",
        "starts_at,per_kwh\n2026-11-21T13:00Z,nan\n",
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(text)
    if not text:
        assert read_file(file) == ()
        return
    with pytest.raises(ModelError):
        read_file(file)


def test_lists_that_contradict_themselves() -> None:
    with pytest.raises(ModelError, match="two prices"):
        checked([entry(0, 0.1, lasts=2), entry(1, 0.2)])
    with pytest.raises(ModelError, match="no stretch"):
        checked([entry(0, 0.1, lasts=0)])
    with pytest.raises(ModelError, match="no price"):
        checked([entry(0, float("inf"))])
