"""``chargebridge plan show`` and ``plan prices`` against a site that answers over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from typer.testing import CliRunner

from chargebridge.app.commands.plan import app

CAR = {
    "point": "a", "name": "Bay 1", "waits": True, "power_w": [0.0], "starts_at": None, "done_at": None, "energy_wh": 12_000.0, "cost": 1.32,
    "missing_wh": 0.0, "leaves_at": "2026-11-22T06:00:00Z", "sentence": "begins at 02:15",
}  # fmt: skip
PLAN = {
    "made_at": "2026-11-21T20:00:00Z", "alive": True, "solver": "rule", "cause": "a car", "note": "by rule: the solver's process ended",
    "currency": "EUR", "cost": 4.5, "saves": 2.76, "cars": [CAR], "bent": ["Bay 1 misses 1.0 of 12.0 kWh by Sun 06:00"],
}  # fmt: skip


@contextmanager
def site(taken: list[Any]) -> Iterator[list[str]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200 if self.path == "/api/v1/plan" else 404, json.dumps(PLAN).encode())

        def do_PUT(self) -> None:
            taken.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.answer(204, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield ["--url", f"http://127.0.0.1:{server.server_port}", "--token", "t"]
        server.shutdown()


def test_the_plan_is_shown_for_people_and_for_programs() -> None:
    with site([]) as where:
        said = CliRunner().invoke(app, ["show", *where], env={"COLUMNS": "160"}).output
        for text in ("Bay 1", "begins at 02:15", "1.32", "misses 1.0", "2.76 EUR less than charging at once", "by rule"):
            assert text in said
        assert json.loads(CliRunner().invoke(app, ["show", "--json", *where]).output) == PLAN


def test_a_price_list_is_given(tmp_path: Path) -> None:
    taken: list[Any] = []
    file = tmp_path / "prices.csv"
    file.write_text("starts_at,per_kwh\n2026-11-21T18:00+01:00,0.31\n2026-11-21T19:00+01:00,0.12\n")
    with site(taken) as where:
        assert "2 prices given" in CliRunner().invoke(app, ["prices", str(file), *where]).output
    ((path, entries),) = taken
    assert path == "/api/v1/prices"
    assert [(e["starts_at"], e["ends_at"], e["per_kwh"]) for e in entries] == [
        ("2026-11-21T17:00:00Z", "2026-11-21T18:00:00Z", 0.31),
        ("2026-11-21T18:00:00Z", "2026-11-21T19:00:00Z", 0.12),
    ]
    file.write_text("when,what\n1,2\n")
    wrong = CliRunner().invoke(app, ["prices", str(file), "--token", "t", "--json"])
    assert wrong.exit_code == 1
    assert "starts_at" in json.loads(wrong.output)["cure"]
