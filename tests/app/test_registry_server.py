"""A registry as its users meet it: a process of its own, operators' commands, confirmations that arrive, a checker that knows none of our code."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from tests.calibration.registry.kit import key

from chargebridge.app.registry_server.accounts import hash_token

ROOT = Path(__file__).parents[2]
MAIN = [sys.executable, "-c", "from chargebridge.app.cli import main; main()"]
TOKENS = {"DE*ABC": "abc-token", "DE*XYZ": "xyz-token"}


class Operator:
    """Where confirmations arrive; it refuses the first ``refusals`` of them."""

    def __init__(self, refusals: int = 0) -> None:
        self.told: list[dict[str, Any]] = []
        self.refusals = refusals
        self.port = 0

    def __enter__(self) -> "Operator":
        operator = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operator.refusals -= 1
                if operator.refusals < 0:
                    operator.told.append(body)
                self.send_response(500 if operator.refusals >= 0 else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(folder: Path, confirm: int | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A registry process and its address."""
    config = folder / "registry.toml"
    if not config.exists():
        tables = [f'[registry]\nstore = "{folder}/registry.db"\nkey = "{folder}/registry.pem"\nport = 0\npublish_every_s = 0.1\n']
        for name, token in TOKENS.items():
            url = f'confirm_url = "http://127.0.0.1:{confirm}/keys"\n' if confirm and name == "DE*ABC" else ""
            tables.append(f'[[cpo]]\nid = "{name}"\ntoken_sha256 = "{hash_token(token)}"\n{url}')
        config.write_text("\n".join(tables))
    process = subprocess.Popen([*MAIN, "registry", "serve", str(config), "--json"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield json.loads(line)["registry"], process
    finally:
        process.terminate()
        process.wait(20)


def command(url: str, *words: str, cpo: str = "DE*ABC") -> tuple[int, list[dict[str, Any]]]:
    environment = os.environ | {"CHARGEBRIDGE_REGISTRY": url, "CHARGEBRIDGE_REGISTRY_TOKEN": TOKENS[cpo]}
    done = subprocess.run([*MAIN, "registry", *words, "--json"], capture_output=True, text=True, timeout=60, env=environment, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def ask(url: str, path: str, body: dict[str, Any] | None = None, cpo: str = "DE*ABC") -> Any:
    headers = {"Authorization": f"Bearer {TOKENS[cpo]}"}
    answer = httpx.request("GET" if body is None else "POST", f"{url}/v1/{path}", json=body, headers=headers, timeout=30)
    return answer.json()


def commission(url: str, number: int) -> str:
    body = {"evse": f"DE*ABC*E{number}", "meter": f"M{number}", "format": "OCMF", "key": key(number)}
    return str(ask(url, "commission", body)[0]["id"])


def until(what: Callable[[], Any], patience_s: float = 20.0) -> Any:
    end = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
    return found


def checker(url: str, state: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "registry_checker.py"), url, str(state)], capture_output=True, text=True, timeout=60
    )
    return done.returncode, json.loads(done.stdout)


def test_from_the_operators_command_to_the_confirmation_and_the_page(tmp_path: Path) -> None:
    with Operator(refusals=1) as operator, running(tmp_path, operator.port) as (url, _):
        code, (entry,) = command(url, "commission", "DE*ABC*E1", "--key", key(1), "--meter", "M1")
        assert code == 0
        assert entry["state"] == "pending"
        (told,) = until(lambda: operator.told)
        assert told["entry"]["id"] == entry["id"]
        assert told["entry"]["state"] == "active"
        code, (found,) = command(url, "lookup", "DE*ABC*E1")
        assert (code, found["state"], found["meter"]) == (0, "active", "M1")
        assert ask(url, "authorise?evse=DE*ABC*E1")["allowed"]
        code, (refusal,) = command(url, "commission", "DE*ABC*E1", "--key", key(2), "--meter", "M2")
        assert (code, refusal["cure"]) == (1, "replace its meter, or decommission it first")
        page = httpx.get(url, params={"q": "deabce1"}).text
        assert "counts now" in page
        assert "M1" in page
        assert "<script>" not in httpx.get(url, params={"q": "<script>alert(1)</script>"}).text


def test_only_whom_the_registry_knows_hands_in(tmp_path: Path) -> None:
    with running(tmp_path) as (url, _):
        body = {"evse": "DE*XYZ*E1", "meter": "M", "format": "OCMF", "key": key(1)}
        assert httpx.post(f"{url}/v1/commission", json=body).status_code == 401
        assert httpx.post(f"{url}/v1/commission", json=body, headers={"Authorization": "Bearer guess"}).status_code == 401
        assert "no EVSE-ID of DE" in ask(url, "commission", body)["reason"]


def test_a_registry_that_was_killed_goes_on_and_confirms_what_it_had_not(tmp_path: Path) -> None:
    with Operator(refusals=1_000_000) as operator:
        with running(tmp_path, operator.port) as (url, process):
            entries = [commission(url, number) for number in range(3)]
            until(lambda: ask(url, "head")["size"] == 3)
            process.send_signal(signal.SIGKILL)
            process.wait()
        operator.refusals = 0
        with running(tmp_path) as (url, _):
            until(lambda: {told["entry"]["id"] for told in operator.told} == set(entries))


def test_an_independent_checker_notices_every_rewriting(tmp_path: Path) -> None:
    state = tmp_path / "seen.json"
    with running(tmp_path) as (url, _):
        for number in range(5):
            commission(url, number)
        until(lambda: ask(url, "head")["size"] == 5)
        assert checker(url, state) == (0, {"ok": True, "entries": 5, "heads": len(ask(url, "heads"))})
        commission(url, 6)
        until(lambda: ask(url, "head")["size"] == 6)
        assert checker(url, state)[0] == 0
    rewrite(tmp_path)
    with running(tmp_path) as (url, _):
        code, told = checker(url, state)
        assert code == 1
        assert "different roots" in told["reason"] or "is not what it was" in told["reason"]


def rewrite(folder: Path) -> None:
    """What a dishonest operator of the registry itself could do: another history, whole and signed anew with the registry's own key."""
    from chargebridge.calibration.merkle import MerkleTree, leaf_hash
    from chargebridge.calibration.registry.heads import HeadSigner
    from chargebridge.store.tables import Moment

    signer = HeadSigner.load(folder / "registry.pem")
    with sqlite3.connect(folder / "registry.db") as db:
        bodies = [row[0] for row in db.execute("select body from registry_event order by position")]
        bodies[1] = bodies[1].replace(b'"M1"', b'"M9"')
        db.executemany(
            "update registry_event set body = ?, leaf = ? where position = ?", [(b, leaf_hash(b), n) for n, b in enumerate(bodies)]
        )
        for number, size, at in db.execute("select number, size, at from registry_head").fetchall():
            moment = Moment().process_result_value(at, None)  # type: ignore[arg-type]
            assert moment is not None
            head = signer.sign(size, moment, MerkleTree(map(leaf_hash, bodies[:size])).root())
            db.execute("update registry_head set root = ?, signature = ? where number = ?", (head.root, head.signature, number))
    db.close()


def test_a_wrong_configuration_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[registry]\nport = 0\n[[cpo]]\nid = "DEABC"\ntoken_sha256 = "x"\n')
    done = subprocess.run(
        [*MAIN, "registry", "serve", str(tmp_path / "registry.toml"), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert "registry.toml:4" in first["where"]
    assert "registry.toml:5" in second["where"]
