"""Our Merkle trees and a running registry's proofs before foreign programs: PyPI `pymerkle`, Go `transparency-dev/merkle`, `openssl`."""

import asyncio
import base64
import shutil
import struct
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from chargebridge.calibration.merkle import MerkleTree, leaf_hash
from interop.eebus.build import built
from interop.ocpp.check import Check
from interop.signed import registry
from interop.signed.programs import UnavailableError, asked, python

PYMERKLE = "pymerkle==7.0.0"
GO_MERKLE = "github.com/transparency-dev/merkle v0.0.2"
ROOTS = 1100
"""Trees of every size up to this have the same root as theirs."""
PROOFS = 40
"""All proofs of all trees up to this are shown to their checker."""

Claim = dict[str, Any]


async def run() -> list[Check]:
    async with registry.running() as client:
        names = await registry.filled(client)
        heads = await registry.said(client, "heads")
        listed = await registry.said(client, "entries", start=0, end=len(names))
        entries = [base64.b64decode(one) for one in listed["entries"]]
        receipts = [await registry.said(client, "receipt", entry=name) for name in names]
        claims = [_included(one) for one in receipts] + await _continued(client, heads)
        pem = (await client.get("key")).text
    return [*await _roots(entries, heads), *await _proofs(claims, len(receipts)), *await _signed(heads, pem)]


async def _roots(entries: list[bytes], heads: list[Claim]) -> list[Check]:
    """entries: of the registry; heads: what it signed over them."""
    ours = [number.to_bytes(4, "big") * (number % 17) for number in range(ROOTS)]
    tree = MerkleTree(leaf_hash(one) for one in ours)
    try:
        theirs = await python("their_pymerkle.py", (PYMERKLE,), {"entries": [one.hex() for one in ours]})
        logged = await python("their_pymerkle.py", (PYMERKLE,), {"entries": [one.hex() for one in entries]})
    except UnavailableError as error:
        return [Check("pymerkle has the same roots", False, str(error), skipped=True)]
    wrong = [size for size in range(ROOTS + 1) if tree.root(size).hex() != theirs[size]]
    heads_wrong = [head["size"] for head in heads if head["root"] != logged[head["size"]]]
    sizes = ", ".join(str(head["size"]) for head in heads)
    return [
        Check(f"pymerkle: the root of each tree of 0 to {ROOTS} entries", not wrong, f"differ at {wrong[:5]}" if wrong else ""),
        Check(
            f"pymerkle: the registry's {len(heads)} heads, from the entries that it gives out",
            len(heads) >= len(registry.WAVES) and not heads_wrong,
            f"of {sizes}" if not heads_wrong else f"differ at {heads_wrong}",
        ),
    ]


async def _proofs(claims: list[Claim], receipts: int) -> list[Check]:
    """claims: of the registry, ``receipts`` of inclusion and the rest of consistency."""
    program = await built(Path(__file__).with_name("peer"), GO_MERKLE)
    if isinstance(program, str):
        return [Check("transparency-dev/merkle checks our proofs", False, program, skipped=True)]
    small = _every_proof()
    groups = {
        f"the registry's {receipts} receipts": (claims[:receipts], True),
        "that each of its heads continues each one before it": (claims[receipts:], True),
        f"all {len(small)} proofs of trees up to {PROOFS} entries": (small, True),
        "none of them with one bit changed, a step too many or a step too few": (_damaged([*claims, *small]), False),
    }
    found = []
    for name, (group, holds) in groups.items():
        said = await asked(str(program), told=group)
        wrong = [place for place, text in enumerate(said) if (text == "") is not holds]
        detail = f"{len(group)} shown" if not wrong else f"{len(wrong)} wrong, the first: {said[wrong[0]] or group[wrong[0]]}"
        found.append(Check(f"transparency-dev/merkle: {name}", bool(group) and not wrong, detail))
    return found


async def _signed(heads: list[Claim], pem: str) -> list[Check]:
    """The bytes are put together here by RFC 6962 section 3.5, not by our code."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return [Check("openssl verifies the registry's heads", False, "openssl is needed", skipped=True)]
    held = refused = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "key.pem").write_text(pem)
        for head in heads:
            ms = round(datetime.fromisoformat(head["at"]).timestamp() * 1000)
            for size in (head["size"], head["size"] + 1):
                (folder / "head").write_bytes(struct.pack(">BBQQ", 0, 1, ms, size) + bytes.fromhex(head["root"]))
                (folder / "signature").write_bytes(base64.b64decode(head["signature"]))
                holds = await _verified(openssl, folder)
                held += holds and size == head["size"]
                refused += not holds and size != head["size"]
    passed = held == refused == len(heads) > 0
    return [Check(f"openssl: the signatures of {len(heads)} heads, and not over one entry more", passed, f"{held} hold, {refused} refused")]


async def _verified(openssl: str, folder: Path) -> bool:
    words = ("dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "head")
    process = await asyncio.create_subprocess_exec(
        openssl, *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode == 0 and out.strip() == b"Verified OK"


def _included(receipt: Claim) -> Claim:
    head = receipt["head"]
    entry = base64.b64decode(receipt["event"]).hex()
    return {"entry": entry, "index": receipt["index"], "size": head["size"], "root": head["root"], "path": receipt["path"]}


async def _continued(client: httpx.AsyncClient, heads: list[Claim]) -> list[Claim]:
    """From each head to each later one."""
    found = []
    for place, old in enumerate(heads):
        for new in heads[place + 1 :]:
            told = await registry.said(client, "consistency", old=old["size"], new=new["size"])
            found.append({"old": old["size"], "was": old["root"], "size": new["size"], "root": new["root"], "path": told["path"]})
    return found


def _every_proof() -> list[Claim]:
    entries = [bytes([number]) * number for number in range(PROOFS)]
    tree = MerkleTree(leaf_hash(one) for one in entries)
    found: list[Claim] = []
    for size in range(1, PROOFS + 1):
        root = tree.root(size).hex()
        for index in range(size):
            path = [step.hex() for step in tree.inclusion(index, size)]
            found.append({"entry": entries[index].hex(), "index": index, "size": size, "root": root, "path": path})
            path = [step.hex() for step in tree.consistency(index + 1, size)]
            found.append({"old": index + 1, "was": tree.root(index + 1).hex(), "size": size, "root": root, "path": path})
    return found


def _damaged(claims: list[Claim]) -> list[Claim]:
    """Each with one bit of its path changed, its last step left out, and a step more."""
    found = []
    for place, claim in enumerate(claims):
        path = claim["path"]
        found.append(claim | {"path": [*path, "00" * 32]})
        if path:
            at = place % len(path)
            changed = f"{int(path[at], 16) ^ 1 << place % 256:064x}"
            found += [claim | {"path": [*path[:at], changed, *path[at + 1 :]]}, claim | {"path": path[:-1]}]
    return found
