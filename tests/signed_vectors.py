"""The captured and made records with their verdicts, where they are at hand."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[2] / "shared" / "vectors")) / "signed"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason=f"no signed records in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / name).read_text(encoding="utf-8").splitlines()]
