"""How the security of a station and its connections to other back ends are worded."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chargebridge.app.web.shown.security import backends, security
from chargebridge.site.operation.security_view import GivenCertificate, StationSecurity
from chargebridge.stations.ocpp.forward import LinkState

NOW, ZONE = datetime(2026, 11, 21, 12, tzinfo=UTC), ZoneInfo("Europe/Vienna")


def test_what_is_not_proven_yet_is_said() -> None:
    certificate = GivenCertificate(
        serial="1031B943ED79D437", issued_at=NOW, expires_at=NOW + timedelta(days=365), outcome="timed_out", detail=""
    )
    old = GivenCertificate(serial="AB", issued_at=NOW, expires_at=NOW - timedelta(days=1), outcome=None, detail="")
    found = StationSecurity(security_profile=1, came_by=None, upgrade_to=3, password_pending=True, certificates=(certificate, old))
    assert security(found, NOW, ZONE) == [
        ["Profile it has to come by", "1: password"],
        ["Profile it came by", "not connected"],
        ["Profile it was told to use", "3: certificates"],
        ["New password", "sent; the old one counts until it has shown it"],
        ["Certificate 1031B943ED79", "until 21 Nov 2027, no answer"],
        ["Certificate AB", "ended 20 Nov 2026, not answered yet"],
    ]


def test_a_back_end_that_is_away_says_why_and_what_waits() -> None:
    away = LinkState(backend="maker", station="WB-1", waiting=3, trouble="cannot be reached")
    there = LinkState(
        backend="other", station="WB-1", connected=True, connected_at=NOW, delivered=1, refused=1, commands=2, commands_refused=1
    )
    assert backends([away, there], NOW, ZONE) == [
        ["maker", "not connected: cannot be reached; 0 messages told, 3 waiting; it has asked for nothing"],
        ["other", "connected since 13:00; 1 message told, 1 refused, none waiting; 2 commands from it, 1 of them refused"],
    ]
