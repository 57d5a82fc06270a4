"""Foreign verifiers of OCMF and of Merkle proofs agree with what ours signs and logs.

Needs: uv with the PyPI registry for `pyocmf` and `pymerkle` (GPL; both in environments of their own, asked as processes); Node.js and npm for
`@road-labs/ocmf`; Go and its module proxy for `transparency-dev/merkle`; `openssl`. What is not to be had is skipped, and said so.
Starts: a registry as its users start it, and these programs once each; ends them.
Proves: records of our writer and our virtual meter on six curves, whole and damaged, and whole sessions have the same verdicts (`verifiers`);
our trees have their roots, our proofs convince their checker and damaged ones do not, for every size up to 40 and of a running registry, whose
tree heads `openssl` verifies (`trees`).
"""

from interop.ocpp.check import Check
from interop.signed import trees, verifiers

__all__ = ["run"]


async def run() -> list[Check]:
    return [*await verifiers.run(), *await trees.run()]
