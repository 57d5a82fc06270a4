"""Checks a public-key registry from outside, with nothing of the registry's own code: RFC 6962 word by word, the standard library, and one signature.

    registry_checker.py URL STATE

STATE is a file in which the checker keeps the heads that it has seen and its own copy of the log. Each run fetches what is new and says whether

  - every head is signed by the key that was there at the first run,
  - the copy has exactly the root of each head, so nothing that was once there has changed,
  - no head that was seen is contradicted by a later one.

Exit code 0: all of it holds. 1: it does not, and what is wrong is named. 2: the registry cannot be reached or talks nonsense.
"""

import base64
import hashlib
import json
import struct
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WrongError(Exception):
    """The registry does not keep its word."""


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, as it stands there."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def check_head(pem: str, head: dict[str, Any]) -> None:
    at = datetime.fromisoformat(head["at"].replace("Z", "+00:00"))
    signed = struct.pack(">BBQQ32s", 0, 1, (at - EPOCH) // timedelta(milliseconds=1), head["size"], bytes.fromhex(head["root"]))
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise WrongError("the registry's key is none for ECDSA")
    try:
        key.verify(base64.b64decode(head["signature"]), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise WrongError(f"the head over {head['size']} entries is not signed by the registry's key") from None


def get(url: str, path: str) -> bytes:
    with urllib.request.urlopen(f"{url}/v1/{path}", timeout=30) as answer:
        content: bytes = answer.read()
    return content


def fetch_entries(url: str, have: int, size: int) -> Iterator[str]:
    while have < size:
        page = json.loads(get(url, f"entries?start={have}&end={size}"))["entries"]
        if not page:
            raise WrongError(f"the registry signed a head over {size} entries and gives {have}")
        yield from page
        have += len(page)


def check(url: str, state: dict[str, Any]) -> tuple[int, int]:
    pem = get(url, "key").decode()
    if state.get("key", pem) != pem:
        raise WrongError("the registry shows another key than at the first check")
    state["key"] = pem
    entries, seen = state.setdefault("entries", []), state.setdefault("heads", {})
    news = json.loads(get(url, f"heads?since={max(map(int, seen), default=0)}"))
    head = json.loads(get(url, "head"))
    if head["size"] < max(map(int, seen), default=0):
        raise WrongError(f"the log has shrunk to {head['size']} entries, {max(map(int, seen))} were seen")
    for one in [*news, *([head] if head["size"] else [])]:
        check_head(pem, one)
        known = seen.setdefault(str(one["size"]), one)
        if known["root"] != one["root"]:
            raise WrongError(
                f"two heads over {one['size']} entries have different roots: the log was rewritten or is shown in two versions"
            )
    again = [base64.b64decode(text) for text in fetch_entries(url, 0, head["size"])]
    for place, (kept, given) in enumerate(zip(entries, again, strict=False)):
        if base64.b64decode(kept) != given:
            raise WrongError(f"entry {place} is not what it was")
    for size, one in sorted(seen.items(), key=lambda item: int(item[0])):
        if tree_hash(again[: int(size)]).hex() != one["root"]:
            raise WrongError(f"the entries do not have the root of the head over {size} entries, signed {one['at']}")
    state["entries"] = [base64.b64encode(entry).decode() for entry in again]
    return len(again), len(seen)


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    url, path = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    state = json.loads(path.read_text()) if path.exists() else {}
    try:
        entries, heads = check(url, state)
    except WrongError as wrong:
        print(json.dumps({"ok": False, "reason": str(wrong)}))
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(json.dumps({"ok": False, "reason": f"cannot be checked: {error}"}))
        return 2
    path.write_text(json.dumps(state))
    print(json.dumps({"ok": True, "entries": entries, "heads": heads}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
