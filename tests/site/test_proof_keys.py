"""The keys of the configuration in the site's register."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from chargebridge.app.clock import WallClock
from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.site.config import PointTable
from chargebridge.site.proof.keys import KeyBook
from chargebridge.store import Database
from tests.signed_samples import public

FIRST, SECOND = public().spki().hex(), public(ec.derive_private_key(5, ec.SECP256R1())).spki().hex()


def point(number: int, key: str | None, **more: str) -> PointTable:
    told = {"id": f"p{number}", "name": f"P{number}", "circuit": "main", "station": "CP-1", "evse_id": f"DE*ABC*E{number}"} | more
    return PointTable(calibrated=True, public_key=key, evse=number, **told)  # type: ignore[arg-type]


async def test_they_are_public_at_once_and_handed_in_once(tmp_path: Path) -> None:
    database, signer = Database.open(tmp_path / "site.db"), HeadSigner(ec.generate_private_key(ec.SECP256R1()))
    try:
        for _ in range(2):
            book = KeyBook(database, signer, WallClock())
            assert await book.refresh()
            assert await book.hand_in([point(1, FIRST, signing_meter="M1"), point(2, None)]) == []
            (entry,) = book.entries("DEABCE1")
            assert (entry.meter, entry.cpo, entry.holds_at(WallClock().now())) == ("M1", "DE*ABC", True)
            assert book.entries("DE*ABC*E2") == []
            assert not await book.refresh(), "its own entries are no news"
        assert await book.hand_in([point(1, SECOND, signing_meter="M1")]) == []
        old, new = book.entries("DE*ABC*E1")
        assert (old.ended_by, new.predecessor, new.key.spki().hex()) == ("firmware_update", old.id, SECOND)
        assert await book.hand_in([point(1, FIRST, signing_meter="M2")]) == []
        assert book.entries("DE*ABC*E1")[-1].cause == "meter_replacement"
    finally:
        database.close()


async def test_one_signing_unit_may_serve_the_points_of_a_station_and_no_other(tmp_path: Path) -> None:
    database, signer = Database.open(tmp_path / "site.db"), HeadSigner(ec.generate_private_key(ec.SECP256R1()))
    try:
        book = KeyBook(database, signer, WallClock())
        await book.refresh()
        assert await book.hand_in([point(1, FIRST), point(2, FIRST)]) == []
        assert all(book.entries(f"DE*ABC*E{number}")[0].gateway == "CP-1" for number in (1, 2))
        (refused,) = await book.hand_in([point(3, FIRST, station="CP-2")])
        assert "P3" in refused
        assert "in use at DE*ABC*E1" in refused
        assert book.entries("DE*ABC*E3") == []
    finally:
        database.close()
