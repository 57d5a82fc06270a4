"""From the site's file to the security of its stations' port: TLS, our CA, limits; and secrets from the environment."""

import os
import ssl
from pathlib import Path

from cryptography import x509
from msgspec import Struct

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.config import OcppTable, SiteConfig
from chargebridge.stations.ocpp import ServerSettings
from chargebridge.stations.ocpp.limits import DoorLimits
from chargebridge.stations.ocpp.pki import Authority
from chargebridge.stations.ocpp.security import Security
from chargebridge.stations.ocpp.settings import ContractService
from chargebridge.stations.ocpp.tls import ServerFiles, Trust, server_context
from chargebridge.store import Database

BURST_S = 10.0
"""So many seconds' worth of connections may come at once: stations come back together after an outage."""


class StartError(ChargebridgeError):
    """The process cannot begin its work."""


def secret_from(name: str, where: str) -> str:
    """A password from the environment. Raises StartError when it is not there."""
    value = os.environ.get(name)
    if not value:
        raise StartError(where, f"the environment variable {name} is not set", "set it to the password, or give password_hash instead")
    return value


def _read(paths: tuple[Path, ...], where: str) -> tuple[str, ...]:
    """Raises StartError when one is not there or holds no certificate."""
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text())
            x509.load_pem_x509_certificates(texts[-1].encode())
        except (OSError, ValueError) as error:
            raise StartError(f"ocpp.{where}", f"{path} cannot be used ({error})", "give PEM files of root certificates") from error
    return tuple(texts)


class Guards(Struct, frozen=True):
    """What was read from files before anything else begins."""

    trust: Trust
    files: ServerFiles | None
    context: ssl.SSLContext | None
    contract_roots: tuple[str, ...] = ()
    vehicle_roots: tuple[str, ...] = ()
    contract_service: ContractService | None = None

    @classmethod
    def of(cls, config: SiteConfig) -> "Guards":
        """Raises StartError, AuthorityError when a file cannot be used."""
        o = config.ocpp
        authority = None
        if o.ca is not None:
            authority = Authority(o.ca, secret_from(o.ca_passphrase_env, "ocpp.ca") if o.ca_passphrase_env else None)
        roots = (o.client_ca,) if o.client_ca is not None else ()
        trust = Trust(authority, o.operator, o.client_crl, roots)
        pairs = ((o.certificate, o.key), (o.rsa_certificate, o.rsa_key))
        certificates = tuple((chain, key) for chain, key in pairs if chain is not None and key is not None)
        contracts, vehicles = _read(o.contract_roots or (), "contract_roots"), _read(o.vehicle_roots or (), "vehicle_roots")
        service = None
        if o.contract_service is not None:
            shown = o.contract_service_token_env
            token = secret_from(shown, "ocpp.contract_service") if shown else None
            service = ContractService(url=o.contract_service, token=token)
        if not certificates:
            return cls(trust, None, None, contracts, vehicles, service)
        files = ServerFiles(certificates=certificates, client_roots=roots)
        return cls(trust, files, server_context(files, authority), contracts, vehicles, service)

    def settings(self, ocpp: OcppTable, *, call_timeout_s: float, heartbeat_s: int) -> ServerSettings:
        return ServerSettings(
            host=ocpp.host,
            port=ocpp.port,
            tls=self.context,
            plain_host=ocpp.plain_host,
            plain_port=ocpp.plain_port,
            behind_proxy=ocpp.behind_proxy,
            quarantine=ocpp.quarantine,
            limits=DoorLimits(
                rate=ocpp.connections_per_s,
                burst=max(1, int(ocpp.connections_per_s * BURST_S)),
                address_rate=ocpp.address_connections_per_s,
                address_burst=max(1, int(ocpp.address_connections_per_s * BURST_S)),
                address_connections=ocpp.address_connections,
            ),
            call_timeout_s=call_timeout_s,
            heartbeat_s=heartbeat_s,
            client_lookup=ocpp.client_lookup,
            contract_roots=self.contract_roots,
            contract_lookup=ocpp.contract_lookup,
            vehicle_roots=self.vehicle_roots,
            revocation_hosts=ocpp.revocation_hosts,
            contract_service=self.contract_service,
        )

    def security(self, ocpp: OcppTable, clock: Clock, database: Database) -> Security:
        return Security(clock, database=database, trust=self.trust, context=self.context, files=self.files, url=ocpp.url or "")
