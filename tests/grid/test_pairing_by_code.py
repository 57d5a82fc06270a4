"""A control box that has scanned the site's code is found, trusted and limits the site, without anybody at the site's page."""

from pathlib import Path

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.sim.eebus.control_box import ControlBox
from chargebridge.site.eebus_office import EebusOffice
from chargebridge.wire.eebus.ship.qr import from_text
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from tests.grid.kit import bench, until, with_grid

HERE = ("127.0.0.1",)


def office(site) -> EebusOffice:
    site.eebus.serve(site.site)
    found = site.site.service.eebus
    assert isinstance(found, EebusOffice)
    return found


async def test_a_box_that_has_scanned_the_code_limits_the_site(tmp_path: Path) -> None:
    text = with_grid(tmp_path).replace("port = 0\n", 'port = 0\ninterfaces = ["127.0.0.1"]\n')
    async with bench(tmp_path, text=text) as site:
        code = from_text(office(site).secret_code())
        async with ControlBox(site.clock, interfaces=HERE) as box:
            await box.scan(code)
            await box.found(60)
            assert await box.limit(4200) is ErrorNumber.NONE
            await until(lambda: any("knew the secret of our code" in text for text in site.happenings))


async def test_without_interfaces_there_is_no_code_to_scan(tmp_path: Path) -> None:
    async with bench(tmp_path, text=with_grid(tmp_path)) as site:
        with pytest.raises(ModelError, match="interfaces"):
            office(site).secret_code()
