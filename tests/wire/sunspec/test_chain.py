"""From the marker along the models."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.sunspec import AC_CONTROLS, AC_MEASUREMENT, BASES, COMMON, STORAGE, Block, Chain, Found, Span, SunSpecError, image

IMAGE = image([(COMMON, {"Mn": "x"}), (AC_MEASUREMENT, {}), (STORAGE, {})])


def walk(memory: dict[int, int], most: int = 200) -> Chain:
    chain = Chain()
    for _ in range(most):
        if chain.want is None:
            return chain
        asked = range(chain.want.address, chain.want.end)
        if all(address in memory for address in asked):
            chain.take([memory[address] for address in asked])
        else:
            chain.refuse()
    raise AssertionError("no end")


def at(base: int, registers: list[int]) -> dict[int, int]:
    return dict(enumerate(registers, base))


@pytest.mark.parametrize("base", BASES)
def test_every_base_address_is_tried(base: int):
    chain = walk(at(base, IMAGE))
    assert chain.found == [Found(1, base + 2, 66), Found(701, base + 70, 153), Found(713, base + 225, 7)]
    assert chain.block(STORAGE) == Block(STORAGE, base + 225, 7)
    assert chain.block(AC_CONTROLS) is None


def test_registers_without_the_marker_are_passed_over():
    assert walk({**at(40000, [0] * 400), **at(50000, IMAGE)}).found[0].address == 50002


def test_unknown_models_are_stepped_over():
    foreign = [*IMAGE[:-2], 64999, 3, 1, 2, 3, 0xFFFF, 0]
    assert walk(at(0, foreign)).found[-1] == Found(64999, 234, 3)


def test_no_marker_anywhere():
    with pytest.raises(SunSpecError, match="at none of 40000, 0, 50000"):
        walk({})


def test_a_chain_that_breaks_off():
    with pytest.raises(SunSpecError, match="breaks off before its end") as caught:
        walk(at(40000, IMAGE[:-2]))
    assert caught.value.position == 40000 + len(IMAGE) - 2


def test_a_chain_without_end_is_left():
    with pytest.raises(SunSpecError, match="more than 64 models"):
        walk(at(40000, IMAGE[:2] + [5, 0] * 200))


def test_a_length_beyond_the_addresses():
    with pytest.raises(SunSpecError, match="beyond the last address"):
        walk(at(40000, [*IMAGE[:2], 1, 60000]))


def test_a_cut_answer():
    with pytest.raises(SunSpecError, match="1 registers instead of 2"):
        Chain().take([0x5375])


def test_after_the_end_nothing_is_taken():
    chain = walk(at(40000, IMAGE))
    with pytest.raises(SunSpecError, match="end already"):
        chain.take([0, 0])


@given(st.lists(st.none() | st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2) | st.just([0x5375, 0x6E53]), max_size=100))
def test_any_answers_end_in_a_chain_or_our_error(answers: list[list[int] | None]):
    chain = Chain()
    with suppress(SunSpecError):
        for answer in answers:
            if chain.want is None:
                break
            assert isinstance(chain.want, Span)
            assert 0 <= chain.want.address < chain.want.end <= 0x10000
            if answer is None:
                chain.refuse()
            else:
                chain.take(answer)
    assert len(chain.found) <= 64
