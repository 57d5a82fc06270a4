"""The commands of the CA, and a site's file that uses what they make."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from chargebridge.app.cli import app
from chargebridge.app.guards import Guards, StartError
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import ConfigInvalidError, parse
from chargebridge.stations.ocpp.pki import Authority
from chargebridge.stations.ocpp.settings import ContractService

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


def test_a_new_intermediate_by_command(tmp_path: Path) -> None:
    """It signs from then on; what the old one signed still counts; and it needs the root's key."""
    ca = tmp_path / "ca"
    run("ca", "create", "My Company", "--folder", str(ca))
    _, (old,) = run("ca", "issue", "station", "WB-1", "--folder", str(ca), "--to", str(tmp_path / "old"))
    before = x509.load_pem_x509_certificate((ca / "intermediate.pem").read_bytes())
    code, (told,) = run("ca", "renew", "--intermediate", "--folder", str(ca), "--to", str(tmp_path))
    assert (code, told) == (0, {"intermediate": True, "renewed": []})
    after = x509.load_pem_x509_certificate((ca / "intermediate.pem").read_bytes())
    assert after != before
    after.verify_directly_issued_by(x509.load_pem_x509_certificate((ca / "root.pem").read_bytes()))
    assert x509.load_pem_x509_crl((ca / "crl.pem").read_bytes()).issuer == after.subject
    _, (new,) = run("ca", "issue", "station", "WB-2", "--folder", str(ca), "--to", str(tmp_path / "new"))
    for made, issuer in ((old, before), (new, after)):
        leaf, above = x509.load_pem_x509_certificates(Path(made["files"][0]).read_bytes())
        assert above == issuer
        leaf.verify_directly_issued_by(issuer)
    assert {before, after} <= set(x509.load_pem_x509_certificates(Authority(ca).trust.encode()))
    (ca / "root.key").rename(tmp_path / "safe.key")
    code, (error,) = run("ca", "renew", "--intermediate", "--folder", str(ca), "--to", str(tmp_path))
    assert (code, error["cure"]) == (1, "put the key back for as long as it is needed")
    assert (ca / "intermediate.pem").read_bytes() == after.public_bytes(serialization.Encoding.PEM)
    assert run("ca", "renew", "--folder", str(ca), "--to", str(tmp_path))[0] == 0, "all else goes on without it"


def test_what_the_file_says_of_revocation_and_contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("ca", "create", "A root", "--folder", str(tmp_path / "ca"))
    root = tmp_path / "ca" / "root.pem"
    ocpp = f"""
contract_roots = ["{root}"]
vehicle_roots = ["{root}"]
contract_lookup = false
client_lookup = false
revocation_hosts = ["ocsp.example"]
contract_service = "https://pool.example"
contract_service_token_env = "POOL_TOKEN"
ca = "{tmp_path}/ca"
certificate = "c"
key = "k"
"""
    config = parse(FILE.format(profile=3, ocpp=ocpp))
    with pytest.raises(StartError, match="POOL_TOKEN is not set"):
        Guards.of(config)
    monkeypatch.setenv("POOL_TOKEN", "shown to the pool")
    monkeypatch.setattr("chargebridge.app.guards.server_context", lambda *_: None)
    settings = Guards.of(config).settings(config.ocpp, call_timeout_s=1.0, heartbeat_s=60)
    assert settings.contract_roots == settings.vehicle_roots == (root.read_text(),)
    assert (settings.contract_lookup, settings.client_lookup, settings.revocation_hosts) == (False, False, ("ocsp.example",))
    assert settings.contract_service == ContractService(url="https://pool.example", token="shown to the pool")
    root.unlink()
    with pytest.raises(ChargebridgeError, match=r"contract_roots.*cannot be used|is no CA of ours"):
        Guards.of(config)


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
