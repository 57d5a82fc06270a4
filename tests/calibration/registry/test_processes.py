"""The eight processes of the best practices, as far as they are the registry's: what each demands before it, and what it leaves behind."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.calibration.registry.kit import ABC, NOON, XYZ, handed, key, opened

from chargebridge.calibration.merkle import includes, leaf_hash
from chargebridge.calibration.registry import rules
from chargebridge.calibration.registry.entry import KeyState
from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.calibration.registry.heads import vouches
from chargebridge.calibration.registry.log import Process, Registry
from chargebridge.sim.world.clock import ManualClock

HOUR = timedelta(hours=1)


def commission(number: int, name: str | None = None, **more: Any) -> Process:
    return lambda entries, at: rules.commission(entries, handed(number, **more), name or f"e{number}", at)


def calling(process: Callable[..., Any], *words: Any, **more: Any) -> Process:
    """A process whose first words are ours and whose last is the time."""
    return lambda entries, at: partial(process, entries, *words, at, **more)()


async def commissioned(registry: Registry, number: int = 1) -> None:
    await registry.propose(commission(number))
    await registry.publish()


async def refused(registry: Registry, process: Process, reason: str) -> None:
    before = len(registry)
    with pytest.raises(RegistryError, match=reason) as told:
        await registry.propose(process)
    assert told.value.cure
    assert len(registry) == before


async def test_a_key_counts_and_is_confirmed_only_once_it_is_public(tmp_path: Path) -> None:
    async with opened(tmp_path) as registry:
        (entry,) = await registry.propose(commission(1))
        assert entry.state is KeyState.PENDING
        assert registry.lookup(evse="DE*ABC*E1", at=NOON) == []
        refusal = registry.may_authorise("DE*ABC*E1")
        assert refusal is not None
        assert "not public yet" in refusal.reason
        with pytest.raises(RegistryError, match="cannot be confirmed"):
            registry.receipt("e1")
        (public,) = await registry.publish()
        assert public.state is KeyState.ACTIVE
        assert registry.may_authorise("deabce1") is None
        receipt = registry.receipt("e1")
        assert vouches(registry.public_pem, receipt.head)
        assert includes(leaf_hash(receipt.body), receipt.index, receipt.head.size, receipt.path, receipt.head.root)
        assert await registry.publish() == ()


async def test_commissioning_demands_a_free_charging_point_of_ones_own_and_a_key_that_nobody_uses(tmp_path: Path) -> None:
    async with opened(tmp_path) as registry:
        await commissioned(registry)
        await refused(registry, commission(1, "again"), "has not ended")
        await refused(registry, commission(2, evse="DE*XYZ*E2"), "no EVSE-ID of DE")
        await refused(registry, commission(2, key=key(1)), "in use at")
        await refused(registry, commission(2, key="00" * 64), "not on")
        await refused(registry, commission(2, format="Alfen Eichrecht"), "sign on secp192r1")
        await refused(registry, commission(2, format="ours"), "no format")


async def test_one_signing_unit_may_serve_several_points_if_that_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path) as registry:
        await registry.propose(commission(1, gateway="G"))
        await refused(registry, commission(2, key=key(1), gateway="G"), "in use")
        await refused(registry, commission(2, key=key(1), gateway="H", shared=True), "in use")
        await registry.propose(commission(2, key=key(1), gateway="G", shared=True))


async def test_what_was_decommissioned_stays_provable_and_its_meter_may_go_elsewhere(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    async with opened(tmp_path, clock) as registry:
        await commissioned(registry)
        await refused(registry, calling(rules.decommission, "e1", XYZ), "is of DE")
        await clock.advance(3600)
        (ended,) = await registry.propose(calling(rules.decommission, "e1", ABC))
        assert (ended.state, ended.valid_to) == (KeyState.DEACTIVATED, NOON + HOUR)
        assert [entry.id for entry in registry.lookup(evse="DE*ABC*E1", at=NOON + HOUR / 2)] == ["e1"]
        assert registry.lookup(evse="DE*ABC*E1", at=NOON + HOUR) == []
        assert registry.may_authorise("DE*ABC*E1") is not None
        await refused(registry, calling(rules.decommission, "e1", ABC), "has ended")
        await registry.propose(commission(2, key=key(1), meter="M1"))


async def test_hardware_around_the_same_meter_is_exchanged_for_the_same_model_only(tmp_path: Path) -> None:
    async with opened(tmp_path) as registry:
        await commissioned(registry)
        exchange = partial(calling, rules.exchange_hardware, "e1", ABC)
        await refused(registry, exchange(station="Box 2", meter="M1"), "another model")
        await refused(registry, exchange(station="Box 1", meter="M9"), "the meter is M9")
        (entry,) = await registry.propose(exchange(station="Box 1", meter="M1", serial="S2"))
        assert entry.state is KeyState.ACTIVE, "no off-time, nothing to tell"


@pytest.mark.parametrize("process", ["meter", "firmware"])
async def test_a_new_key_takes_the_old_ones_place_when_it_is_public_and_not_before(tmp_path: Path, process: str) -> None:
    clock = ManualClock(NOON)
    async with opened(tmp_path, clock) as registry:
        await commissioned(registry)
        await clock.advance(3600)
        step = rules.replace_meter if process == "meter" else rules.update_firmware
        meter = "M2" if process == "meter" else "M1"
        new = handed(1, key=key(2), meter=meter)
        await refused(registry, calling(step, "e1", handed(1, meter=meter), "e2"), "has already")
        await refused(
            registry, calling(step, "e1", handed(1, key=key(2), meter="M1" if process == "meter" else "M2"), "e2"), "the meter is"
        )
        await refused(registry, calling(step, "e1", handed(2, cpo=ABC, meter=meter), "e2"), "the EVSE-ID stays")
        await registry.propose(calling(step, "e1", new, "e2"))
        assert registry.may_authorise("DE*ABC*E1") is None
        assert registry.entries.current("DE*ABC*E1").id == "e1"  # type: ignore[union-attr]
        await refused(registry, calling(step, "e1", new, "e3"), "follow it already")
        await clock.advance(3600)
        await registry.publish()
        assert [entry.id for entry in registry.lookup(evse="DE*ABC*E1", at=NOON + 2 * HOUR)] == ["e2"]
        assert [entry.id for entry in registry.lookup(evse="DE*ABC*E1", at=NOON + HOUR)] == ["e1"]
        assert registry.entries.by_id["e1"].state is KeyState.SUPERSEDED


async def test_a_charging_point_is_taken_over_by_whom_it_was_offered_to(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    async with opened(tmp_path, clock) as registry:
        await commissioned(registry)
        claim = calling(rules.take_over, "e1", "DE*XYZ*E77", XYZ, "e2")
        await refused(registry, claim, "not offered")
        await refused(registry, lambda entries, at: rules.offer(entries, "e1", XYZ, XYZ, at, at + HOUR), "is of DE")
        await registry.propose(lambda entries, at: rules.offer(entries, "e1", ABC, XYZ, at, at + HOUR))
        await refused(registry, calling(rules.take_over, "e1", "DE*ABC*E9", XYZ, "e2"), "no EVSE-ID of DE")
        await registry.propose(claim)
        assert registry.may_authorise("DE*ABC*E1") is not None
        assert registry.may_authorise("DE*XYZ*E77") is not None, "not public yet"
        await registry.publish()
        assert registry.may_authorise("DE*XYZ*E77") is None
        (entry,) = registry.lookup(meter="m1", at=NOON)
        assert (entry.cpo, entry.evse, entry.key.spki().hex()) == (XYZ, "DE*XYZ*E77", key(1))
        await commissioned(registry, 5)
        await registry.propose(lambda entries, at: rules.offer(entries, "e5", ABC, XYZ, at, at + HOUR))
        await clock.advance(3601)
        await refused(registry, calling(rules.take_over, "e5", "DE*XYZ*E5", XYZ, "e6"), "not offered")
