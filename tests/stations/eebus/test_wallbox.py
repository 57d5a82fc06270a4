"""A wallbox over real TLS: sessions, limits, fallbacks, faults."""

from tests.stations.eebus.kit import joined, until

from chargebridge.stations.port import Outcome


async def test_a_car_comes_charges_and_goes(tmp_path):
    async with joined(tmp_path) as (house, box):
        assert house.statuses() == ["available"]
        assert (house.sink.boots[0].vendor, house.sink.boots[0].model, house.sink.boots[0].protocol) == ("Acme", "Home", "eebus")
        answer = await house.box.offer(1, 10.0, 3, 60.0, None)
        assert answer.outcome is Outcome.ACCEPTED, answer
        box.plug()
        await until(lambda: house.box.bays and house.box.bays[1].evse.transaction and "charging" in house.statuses(), what="it charges")
        await until(lambda: box.allowed_a == 10.0, what="the offer that stood before it came holds")
        answer = await house.box.offer(1, 8.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert answer.outcome is Outcome.ACCEPTED, answer
        assert box.allowed_a == 8.0
        await until(lambda: any(m.current_a == (8.0, 8.0, 8.0) for _, m in house.sink.measurements), what="it is measured")
        await until(lambda: (house.energy_wh or 0) > 5, what="energy is told")
        box.unplug()
        await until(lambda: house.statuses()[-1] == "available", what="it is free again")
        ((start, stop, reason),) = house.sink.transactions()
        true_wh = box.garage.measure(1).energy_wh
        assert start == 0
        assert abs(stop - true_wh) < 8.0
        assert reason == "EVDisconnected"
        assert [event.token for event in house.sink.events() if event.token] == ["HOME"]
