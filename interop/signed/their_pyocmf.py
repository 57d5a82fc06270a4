"""Runs in an environment of its own: PyPI pyocmf reads cases from standard input and says in JSON what it finds of each."""

import json
import sys
import warnings
from typing import Any

from pyocmf import OCMF


def verdict(case: dict[str, Any]) -> str:
    """All its findings count, its warnings too: those are rules of OCMF that S.A.F.E.'s own software does not enforce."""
    try:
        read = [OCMF.from_string(text) for text in case["records"]]
        if not all(one.verify_signature(case["key"]) for one in read):
            return "invalid"
        issues = read[0].check_eichrecht(*read[1:]) if case["rules"] else []
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"
    return "invalid: " + ", ".join(str(one.code) for one in issues) if issues else "valid"


warnings.simplefilter("ignore")
print(json.dumps([verdict(case) for case in json.load(sys.stdin)]))
