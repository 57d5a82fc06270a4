"""The site's side of limits from outside: what is within a limit, what cannot be kept, and a record that does not grow without bound."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargebridge.grid.port import Instruction
from chargebridge.model.limit import Direction, Limit, LimitedPower, LimitSource, OnGroup, OnNode, Scope
from chargebridge.sim.world.demo import demo_topology
from chargebridge.site.grid import journal, scope
from chargebridge.store import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SITE = demo_topology()


def limit(on: Scope, direction: Direction = Direction.CONSUMPTION) -> Limit:
    return Limit(
        id="grid x",
        source=LimitSource.GRID_OPERATOR,
        scope=on,
        bound=LimitedPower(0),
        starts_at=NOW,
        received_at=NOW,
        legal_basis="test",
        direction=direction,
    )


@pytest.mark.parametrize(
    ("on", "points", "batteries"),
    [(OnNode("main"), 12, 1), (OnNode("garage"), 4, 0), (OnNode("g1"), 1, 0), (OnNode("nowhere"), 0, 0), (OnGroup("controllable"), 12, 1)],
)
def test_what_is_within_a_limit(on: Scope, points: int, batteries: int) -> None:
    there = scope.within(SITE, on)
    assert (len(there.points), len(there.batteries)) == (points, batteries)


def test_what_cannot_be_kept() -> None:
    assert scope.unable(SITE, limit(OnNode("main")), 0, ()) == ""
    assert scope.unable(SITE, limit(OnNode("nowhere")), 0, ()) == "nothing in nowhere can be controlled"
    told = scope.unable(SITE, limit(OnNode("main"), Direction.PRODUCTION), 1000, ("battery",))
    assert told.endswith("may feed in more than 1000 W, and cannot be curtailed by this site")
    assert scope.unable(SITE, limit(OnNode("main"), Direction.PRODUCTION), 1e6, ("battery",)) == ""
    assert scope.unable(SITE, limit(OnNode("garage"), Direction.PRODUCTION), 0, ()) == "", "nothing there feeds in by itself"


async def test_the_record_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    database = Database.open(tmp_path / "site.db")
    for watts in range(5):
        one = Instruction(
            received_at=NOW, direction=Direction.PRODUCTION, sender="ski", what="limit", value_w=-watts, accepted=True, state="limited"
        )
        row = await database.write(lambda c, one=one: journal.keep_instruction(c, "eebus", one))
    assert row.number == 5
    assert [row.value_w for row in await database.read(lambda c: journal.instructions(c, 10))] == [-4, -3, -2]
    await database.write(lambda c: journal.remember(c, "eebus", "LPC", "x"))
    await database.write(lambda c: journal.remember(c, "eebus", "LPC", "y"))
    assert await database.read(journal.remembered) == {"eebus": {"LPC": "y"}}
    database.close()
