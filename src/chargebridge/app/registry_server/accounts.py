"""Who hands keys in: an operator shows his token as ``Authorization: Bearer``. A token is long and random, so its hash need not be a slow one."""

import hashlib
import hmac

from fastapi import HTTPException, Request

from chargebridge.app.registry_server.settings import CpoTable


class Accounts:
    def __init__(self, cpos: tuple[CpoTable, ...]) -> None:
        self._cpos = cpos

    async def who(self, request: Request) -> str:
        """The operator whose token came. Raises HTTPException 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "show your token as Authorization: Bearer", {"WWW-Authenticate": "Bearer"})
        shown = hash_token(token)
        found = [cpo.id for cpo in self._cpos if hmac.compare_digest(cpo.token_sha256, shown)]
        if not found:
            raise HTTPException(401, "no operator has this token", {"WWW-Authenticate": "Bearer"})
        return found[0]


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
