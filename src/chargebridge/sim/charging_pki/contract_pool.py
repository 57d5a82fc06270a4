"""A contract certificate pool as a back end sees one: EXI in, sealed EXI out, in the form of the Open Plug&Charge Protocol's public description.

A counterpart, not that protocol's reference: it looks into no EXI, and what it answers is what it was told to have for a request.
"""

import json
from typing import Any

from chargebridge.sim.http_server import HttpServer, Response

PATH = "/v1/ccp/signedContractData"
JSON = "application/json"


class ContractPool(HttpServer):
    """contracts: EXI of a request -> EXI of the answers, one for each contract of that car. token: that a back end has to show.

    asked: the bodies that came. fault: a status to answer with, or what to say in place of an answer.
    """

    def __init__(self, contracts: dict[str, list[str]], token: str | None = None) -> None:
        super().__init__()
        self.contracts = contracts
        self.asked: list[dict[str, Any]] = []
        self.fault: int | bytes | None = None
        self._token = token

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response | None:
        if isinstance(self.fault, int):
            return self.fault, JSON, b"{}"
        if isinstance(self.fault, bytes):
            return 200, JSON, self.fault
        if method != "POST" or path != PATH:
            return 404, JSON, b"{}"
        if self._token is not None and headers.get("authorization") != f"Bearer {self._token}":
            return 401, JSON, b"{}"
        asked = json.loads(body)
        self.asked.append(asked)
        found = self.contracts.get(asked.get("certificateInstallationReq") or asked.get("certificateUpdateReq"))
        if found is None:
            return 404, JSON, b"{}"
        contents = [{"messageDef": {"certificateInstallationRes": exi, "emaid": f"DE8AAC{n:09}"}} for n, exi in enumerate(found, 1)]
        answer = {"CCPResponse": {"emaidContent": contents}, "xsdMsgDefNamespace": asked["xsdMsgDefNamespace"]}
        return 200, JSON, json.dumps(answer).encode()
