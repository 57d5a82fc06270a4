"""The commands of the CA, and a site's file that uses what they make."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner

from chargebridge.app.cli import app
from chargebridge.app.guards import Guards
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import ConfigInvalidError, parse

FILE = """
[site]
name = "S"
[[circuit]]
id = "main"
name = "Main"
fuse_a = 35
[[station]]
id = "WB-1"
security_profile = {profile}
[ocpp]
{ocpp}
"""


def run(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, lines


def test_from_the_first_command_to_a_site_with_tls(tmp_path: Path) -> None:
    ca = str(tmp_path / "ca")
    assert run("ca", "create", "My Company", "--folder", ca)[0] == 0
    assert run("ca", "create", "My Company", "--folder", ca)[0] == 1
    _, (server,) = run(
        "ca", "issue", "server", "charge.example", "--also", "192.0.2.1", "--days", "20", "--folder", ca, "--to", str(tmp_path)
    )
    _, (station,) = run("ca", "issue", "station", "WB-1", "--folder", ca, "--to", str(tmp_path))
    assert [Path(name).name for name in server["files"]] == ["charge.example.pem", "charge.example.key"]
    assert Path(server["files"][1]).stat().st_mode & 0o777 == 0o600
    assert len(x509.load_pem_x509_certificates(Path(station["files"][0]).read_bytes())) == 2
    assert run("ca", "revoke", station["serial"], "--reason", "keyCompromise", "--folder", ca)[0] == 0
    assert run("ca", "revoke", "77", "--folder", ca)[0] == 1
    _, rows = run("ca", "list", "--folder", ca)
    assert {(row["name"], row["kind"], row["revoked"] is not None) for row in rows} == {
        ("charge.example", "server", False),
        ("WB-1", "station", True),
    }
    assert [row["name"] for row in run("ca", "list", "--expiring", "30", "--folder", ca)[1]] == ["charge.example"]
    before = (tmp_path / "charge.example.pem").read_bytes()
    _, (renewed,) = run("ca", "renew", "--folder", ca, "--to", str(tmp_path))
    assert [Path(name).name for name in renewed["renewed"]] == ["charge.example.pem"]
    assert (tmp_path / "charge.example.pem").read_bytes() != before
    ocpp = f'certificate = "{tmp_path}/charge.example.pem"\nkey = "{tmp_path}/charge.example.key"\nca = "{ca}"'
    guards = Guards.of(parse(FILE.format(profile=3, ocpp=ocpp)))
    assert guards.context is not None
    assert guards.trust.operator == "My Company"


@pytest.mark.parametrize(
    ("profile", "ocpp", "reason"),
    [
        (1, "", "has no password"),
        (2, "", "could never come in by TLS"),
        (3, "", "could never show a certificate"),
        (3, 'certificate = "c"\nkey = "k"', "could never show a certificate"),
        (3, 'certificate = "c"\nkey = "k"\nca = "ca"\nrsa_key = "r"', "the rsa certificate is missing"),
        (3, 'certificate = "c"\nkey = "k"\nca = "ca"\nclient_crl = "r"', "client_crl without client_ca"),
    ],
)
def test_contradictions_are_told(profile: int, ocpp: str, reason: str) -> None:
    with pytest.raises(ConfigInvalidError, match=reason):
        parse(FILE.format(profile=profile, ocpp=ocpp))


def test_files_that_cannot_be_used_are_told_before_anything_begins(tmp_path: Path) -> None:
    config: SiteConfig = parse(FILE.format(profile=3, ocpp='certificate = "c"\nkey = "k"\nca = "nowhere"'))
    with pytest.raises(ChargebridgeError, match="is no CA of ours"):
        Guards.of(config)
