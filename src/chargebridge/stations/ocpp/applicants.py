"""Deciding on unknown stations, in the running Central System or by a command beside it: both write the same two rows."""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.stations.ocpp.passwords import new_password
from chargebridge.stations.ocpp.vault import APPROVED, REFUSED, Applicant, Credentials
from chargebridge.store.passwords import hash_password

Profile = Literal[0, 1, 2, 3]
MIN_PASSWORD, MAX_PASSWORD = 16, 40  # 2.0.1 part 2, A00.FR.205


class Approval(Struct, frozen=True, kw_only=True):
    """password: to be entered in the station, told this once; None with profiles 0 and 3, and where one was given."""

    applicant: Applicant
    credentials: Credentials
    password: str | None = None


def approve(applicant: Applicant | None, station: str, profile: Profile, password: str | None, by: str, now: datetime) -> Approval:
    """Let it in by ``profile``; without a password given, profiles 1 and 2 get a random one. Raises ModelError, UnknownNameError."""
    found = _known(applicant, station)
    made = None
    if profile in (1, 2):
        if password is None:
            made = password = new_password("ocpp2.0.1")[0]
        elif not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise ModelError(f"station {station}", f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters", "give another, or none")
    elif password is not None:
        raise ModelError(f"station {station}", f"profile {profile} has no password", "leave it out")
    return Approval(
        applicant=replace(found, state=APPROVED, decided_at=now, decided_by=by),
        credentials=Credentials(station=station, profile=profile, password_hash=hash_password(password) if password is not None else None),
        password=made,
    )


def refuse(applicant: Applicant | None, station: str, by: str, now: datetime) -> Applicant:
    """Keep it out; it is not listed as pending any more. Also takes an approval back."""
    return replace(_known(applicant, station), state=REFUSED, decided_at=now, decided_by=by)


def _known(applicant: Applicant | None, station: str) -> Applicant:
    if applicant is None:
        raise UnknownNameError(f"station {station}", "has not asked to be let in", "let it connect once, then it is listed as pending")
    return applicant
