"""What a person reads of a peer, and what he is told to do next: in each phase, and where every other stack leaves him alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chargebridge.links.eebus.peer import Address, Announced, Origin, Peer, Phase, Trouble, Trusted
from chargebridge.site.eebus_peers import view, views
from chargebridge.wire.eebus.spine.remote import RemoteDevice, UseCase

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OURS, SKI, OTHER = "a" * 40, "0123" * 10, "fe" * 20
BOX = Announced(
    ski=SKI,
    ship_id="Box-1",
    addresses=(Address("192.0.2.7", 4712),),
    brand="Elbwerk",
    model="Wacht 3",
    type="ElectricitySupplySystem",
    register=True,
    seen_at=NOW,
)
TRUSTED = Trusted(ski=SKI, origin=Origin.USER, since=NOW, ship_id="Box-1")


def peer(phase: Phase, **more: Any) -> Peer:
    return Peer(**{"ski": SKI, "phase": phase, "announced": BOX, **more})


def test_it_is_called_by_its_given_name_else_by_its_make_else_by_what_it_is() -> None:
    named = peer(Phase.TRUSTED, trusted=msgspec.structs.replace(TRUSTED, name="Meter cupboard"))
    assert view(named, None, OURS, NOW).name == "Meter cupboard"
    told = view(peer(Phase.SEEN), None, OURS, NOW)
    assert (told.name, told.kind, told.address) == ("Elbwerk Wacht 3", "control box", "192.0.2.7:4712")
    shown = view(peer(Phase.ASKING, announced=None, calls_itself="Elbwerk Wacht-0815"), None, OURS, NOW)
    assert shown.name == "Elbwerk Wacht-0815"
    silent = view(peer(Phase.ASKING, announced=None), None, OURS, NOW)
    assert (silent.name, silent.kind) == ("EEBUS device", "EEBUS device")


def test_its_own_discovery_says_best_what_it_is() -> None:
    remote = RemoteDevice()
    remote.type, remote.discovered = "EnergyManagementSystem", True
    remote.entities = {(0,): "DeviceInformation", (1,): "GridGuard"}
    remote.use_cases = (UseCase("EnergyGuard", "limitationOfPowerConsumption", "1.0.0", (1,), (1, 2, 3), True),)
    told = view(peer(Phase.CONNECTED, announced=msgspec.structs.replace(BOX, type="")), remote, OURS, NOW)
    assert (told.kind, told.uses, told.advice) == ("control box", ("LPC (EnergyGuard)",), "")


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.SEEN, "pair it if it is yours"),
        (Phase.ASKING, "compare its SKI with the one on the control box's own page or label"),
        (Phase.WAITING, "confirm our SKI aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa on the control box now"),
        (Phase.DENIED, "have the metering operator enter our SKI"),
        (Phase.CONNECTING, ""),
        (Phase.CONNECTED, ""),
    ],
)
def test_each_phase_says_what_to_do(phase: Phase, said: str) -> None:
    advice = view(peer(phase), None, OURS, NOW).advice
    assert advice.startswith(said)
    assert bool(advice) is bool(said)


def test_who_has_asked_and_is_gone_may_ask_again() -> None:
    told = view(peer(Phase.SEEN, announced=None, trouble=Trouble(NOW, "it is not trusted here", "pair it")), None, OURS, NOW)
    assert (told.said, told.asks) == ("not paired", False)
    assert told.advice == "if it is yours, pair it, or open the pairing window and let it ask again"
    assert view(peer(Phase.SEEN), None, OURS, NOW).said == "on the network"


def test_another_device_than_a_control_box_is_confirmed_in_its_own_menu() -> None:
    wallbox = peer(Phase.DENIED, announced=msgspec.structs.replace(BOX, type="ChargingStation"))
    assert view(wallbox, None, OURS, NOW).advice.startswith("on the wallbox, delete old entries of this house and confirm our SKI")


def test_one_that_does_not_accept_pairing_is_told_of() -> None:
    shut = peer(Phase.SEEN, announced=msgspec.structs.replace(BOX, register=False))
    assert "does not accept pairing now" in view(shut, None, OURS, NOW).advice


def test_a_trusted_peer_without_any_address_cannot_be_dialled() -> None:
    lost = peer(Phase.TRUSTED, trusted=TRUSTED, announced=None)
    assert "its address is not known" in view(lost, None, OURS, NOW).advice
    static = msgspec.structs.replace(TRUSTED, static=Address("2001:db8::7", 4712))
    found = view(peer(Phase.TRUSTED, trusted=static, announced=None), None, OURS, NOW)
    assert (found.advice, found.address) == ("", "[2001:db8::7]:4712")


def test_a_device_that_was_reset_is_told_by_its_ship_id_that_now_has_another_ski() -> None:
    """Two entries of one name but different SKIs, of which the old one waits for ever: evcc users lose days with it."""
    old = peer(Phase.TRUSTED, trusted=TRUSTED, announced=None, trouble=Trouble(NOW, "no answer", "wait"))
    new = Peer(ski=OTHER, phase=Phase.SEEN, announced=msgspec.structs.replace(BOX, ski=OTHER))
    told = {one.ski: one for one in views((old, new), {}, OURS, NOW, {})}
    assert "with another SKI (fefe fefe" in told[SKI].advice
    assert "pair the new one and unpair this one" in told[SKI].advice
    assert told[OTHER].advice == "pair it if it is yours"


def test_who_asks_stands_first_and_who_is_only_seen_last() -> None:
    skis = [f"{number:x}" * 40 for number in range(3)]
    peers = [Peer(ski=ski, phase=phase) for ski, phase in zip(skis, (Phase.SEEN, Phase.CONNECTED, Phase.ASKING), strict=True)]
    assert [one.ski for one in views(peers, {}, OURS, NOW, {})] == [skis[2], skis[1], skis[0]]


@pytest.mark.parametrize(
    ("days", "said"), [(30, "its certificate ends on 2026-12-21"), (-1, "its certificate ended on 2026-11-20"), (200, "")]
)
def test_a_certificate_that_ends_is_told_early(days: int, said: str) -> None:
    told = view(peer(Phase.CONNECTED, certificate_not_after=NOW + timedelta(days=days)), None, OURS, NOW).advice
    assert told.startswith(said)
    assert bool(told) is bool(said)


def test_connected_without_any_use_case_is_not_passed_over() -> None:
    remote = RemoteDevice()
    remote.discovered = True
    early = peer(Phase.CONNECTED, connected_at=NOW - timedelta(seconds=5))
    late = peer(Phase.CONNECTED, connected_at=NOW - timedelta(seconds=61))
    assert view(early, remote, OURS, NOW).advice == ""
    assert "offers no use case" in view(late, remote, OURS, NOW).advice


def test_what_was_wrong_before_is_not_shown_of_one_that_is_connected() -> None:
    trouble = Trouble(NOW, "refused", "confirm")
    assert view(peer(Phase.DENIED, trouble=trouble), None, OURS, NOW).trouble == trouble
    assert view(peer(Phase.CONNECTED, trouble=trouble), None, OURS, NOW).trouble is None


def test_a_paired_wallbox_that_no_station_names_does_nothing_and_that_is_said() -> None:
    wallbox = peer(Phase.CONNECTED, trusted=TRUSTED, announced=msgspec.structs.replace(BOX, type="ChargingStation"))
    (unused,) = views((wallbox,), {}, OURS, NOW, {})
    assert f'give a [[station]] of the configuration eebus = "{SKI}"' in unused.advice
    (used,) = views((wallbox,), {}, OURS, NOW, {SKI: "station WB-E"})
    assert (used.serves, used.advice) == ("station WB-E", "")
