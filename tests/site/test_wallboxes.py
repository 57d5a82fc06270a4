"""A whole site with a wallbox by OCPP and one by EEBUS on one fuse, over real sockets; the wallboxes' cars obey in true physics."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnNode
from chargebridge.site.config_file import parse
from chargebridge.site.operation import Office
from chargebridge.site.operation.view import MessageFilter
from tests.site.kit import bench, until
from tests.site.wallbox_kit import config, property_of

SPEED = 10.0


def wide(text: str) -> str:
    """A fuse for both: the other wallbox is away, and may take all it can."""
    return text.replace("fuse_a = 20", "fuse_a = 40")


async def test_two_wallboxes_share_a_fuse_whatever_they_speak(tmp_path: Path) -> None:
    """One story: both charge and share, 0 W stops them at once, the car goes, its session has what truly flowed."""
    async with property_of(SPEED) as home, bench(tmp_path, text=config(tmp_path, home.box.ski), speed=SPEED) as site:
        assert site.eebus is not None
        await home.meet(site.eebus.hub.identity.ski, site.eebus.hub.port)
        async with home.ocpp(site.central.port) as station:
            for name in ("a", "b"):
                assert await until(lambda name=name: site.point(name).online and site.point(name).fallback_a is not None), name
            assert site.point("b").protocol == "eebus"
            home.world.plug("a", "family", 0.3)
            station.plug(1)
            assert await station.present(1, "TAG")
            home.world.plug("b", "family", 0.3)
            home.box.plug()
            assert await until(lambda: site.point("b").session is not None)
            assert await until(lambda: home.current_a("a") > 8 and home.current_a("b") > 8, 15), "both charge"
            assert await until(lambda: home.current_a("a") + home.current_a("b") > 17, 15), "and use what there is"
            assert home.current_a("a") + home.current_a("b") <= 20.5
            session = site.point("b").session
            assert session is not None
            assert (session.token, session.authorised) == ("HOME", True)

            before = asyncio.get_running_loop().time()
            now = site.clock.now()
            limit = Limit(id="dso", source=LimitSource.GRID_OPERATOR, scope=OnNode("main"), bound=LimitedPower(0.0), starts_at=now,
                          legal_basis="test", received_at=now)  # fmt: skip
            await site.site.service.enter_limit(limit, "test")
            assert await until(lambda: home.box.allowed_a == 0.0)
            assert asyncio.get_running_loop().time() - before < 1.0, "a second of the wall's, though all else runs faster"
            assert await until(lambda: home.current_a("b") == 0.0)
            await site.site.service.withdraw_limit("dso", "test")
            assert await until(lambda: home.current_a("b") > 5, 20), "it charges on"

            true_wh = home.energy_wh("b")
            home.world.unplug("b")
            home.box.unplug()
            assert await until(lambda: site.point("b").session is None)
            ((number, energy, token, reason),) = await site.rows(
                "select number, energy_wh, token, end_reason from session where point = 'b'"
            )
            assert abs(energy - true_wh) <= 25, "what flowed since the wallbox told its last figure, a second of its time"
            assert (token, reason) == ("HOME", "EVDisconnected")
            assert home.world.mishaps == []
            assert site.point("b").status.value == "available"
            assert number


async def test_the_owner_stops_a_car_and_starts_it_again(tmp_path: Path) -> None:
    async with property_of(SPEED) as home, bench(tmp_path, text=wide(config(tmp_path, home.box.ski)), speed=SPEED) as site:
        assert site.eebus is not None
        await home.meet(site.eebus.hub.identity.ski, site.eebus.hub.port)
        home.world.plug("b", "family", 0.3)
        home.box.plug()
        assert await until(lambda: home.current_a("b") > 10, 15)
        await site.site.service.stop("b", "owner")
        assert await until(lambda: home.current_a("b") == 0.0)
        assert await until(lambda: site.point("b").session is None)
        assert site.point("b").status.value == "finishing"
        await site.site.service.start("b", "owner")
        assert await until(lambda: home.current_a("b") > 5, 20), "the pause of a minute, and then it charges"
        rows = await site.rows("select token, end_reason from session where point = 'b' order by number")
        assert rows[0] == ("HOME", "Remote")
        assert len(rows) == 2
        view = next(point for point in site.site.service.view().points if point.id == "b")
        assert view.protocol == "eebus"
        assert site.clock.now() - timedelta(minutes=5) < site.point("b").heard_at  # type: ignore[operator]


async def test_it_stands_among_the_stations_and_says_what_it_has_no_word_for(tmp_path: Path) -> None:
    text = wide(config(tmp_path, "0" * 40))
    async with property_of(SPEED) as home, bench(tmp_path, text=text.replace("0" * 40, home.box.ski), speed=SPEED) as site:
        assert site.eebus is not None
        office = await Office.open(
            parse(text),
            site.site.live,
            site.central,
            site.database,
            site.clock,
            tell=site.site.tell,
            admit=lambda *_: None,
            wallboxes=site.eebus.wallboxes,
        )
        rows = {row.identity: row for row in office.stations()}
        assert (rows["WB"].state, rows["WB"].protocol, rows["CP-1"].state) == ("unseen", "eebus", "unseen")
        await home.meet(site.eebus.hub.identity.ski, site.eebus.hub.port)
        assert await until(lambda: {row.identity: row for row in office.stations()}["WB"].state == "online")
        detail = await office.station("WB")
        assert (detail.station.vendor, detail.station.model, detail.station.security_profile) == ("Acme", "Home", None)
        assert [(evse.point, evse.status) for evse in detail.station.evses] == [("b", "available")]
        for record in (await office.command("WB", "reset", {}, "owner"), await office.call("WB", "Reset", {"type": "Hard"}, "owner")):
            assert record.outcome == "unsupported"
            assert "it speaks EEBUS" in record.detail
        assert [record.station for record in await office.commands("WB")] == ["WB", "WB"]
        assert (office.forms("WB"), office.actions("WB"), await office.messages(MessageFilter(station="WB"))) == ((), (), ())
        assert office.protocol_of("WB") == "eebus"
        with pytest.raises(ModelError, match="speaks EEBUS"):
            await office.schedule("WB", 1, 60)
        assert [row["id"] for row in await office.export()] == ["CP-1"], "what is paired is not exported"
