"""What is shown of the security of stations."""

from datetime import datetime

from msgspec import Struct

from chargebridge.stations.ocpp.security import Security
from chargebridge.stations.port import Answer


class Judged(Struct, frozen=True):
    """password: made for the station, told this once; null when none was."""

    password: str | None


class GivenCertificate(Struct, frozen=True, kw_only=True):
    """A certificate that a station was given; outcome and detail: what it said to it, null and "" while it has not."""

    serial: str
    issued_at: datetime
    expires_at: datetime
    outcome: str | None
    detail: str


class StationSecurity(Struct, frozen=True, kw_only=True):
    """security_profile: below it the station is not let in; came_by: what its present connection fulfils, null without one.

    upgrade_to: it was told to come by this one. password_pending: it was sent a new password and has not shown it yet.
    """

    security_profile: int
    came_by: int | None
    upgrade_to: int | None
    password_pending: bool
    certificates: tuple[GivenCertificate, ...]

    @classmethod
    def of(cls, security: Security, station: str) -> "StationSecurity":
        """Raises UnknownNameError."""
        found, kept = security.station(station), security.vault.credentials(station)
        return cls(
            security_profile=max(found.settings.security_profile, kept.profile or 0),
            came_by=found.entry.profile if found.online and found.entry is not None else None,
            upgrade_to=kept.upgrade_to,
            password_pending=bool(kept.next_hashes),
            certificates=tuple(
                GivenCertificate(
                    serial=one.serial, issued_at=one.issued_at, expires_at=one.expires_at, outcome=one.outcome, detail=one.detail
                )
                for one in security.given(station)
            ),
        )


class InstalledCertificate(Struct, frozen=True, kw_only=True):
    """What a station says that it has. use: as OCPP 2.x names it; serial: hex; below: under another of the list."""

    use: str
    serial: str
    below: bool


class InstalledCertificates(Struct, frozen=True, kw_only=True):
    """answer: what the station said to the question."""

    answer: Answer
    certificates: tuple[InstalledCertificate, ...]


class UpgradeStep(Struct, frozen=True):
    """What was asked of the station, and its answer."""

    what: str
    answer: Answer
