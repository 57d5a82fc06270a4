"""What a registry's operator writes: where it listens, where it keeps its log, and which charge point operators may hand keys in."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chargebridge.site.config_file import ConfigError, ConfigInvalidError, validated


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegistryTable(_Table):
    """store: the database. key: PEM file of the registry's own key, made at the first start. publish_every_s: so often a tree head is signed, if
    anything waits for it."""

    name: str = "Public-key registry"
    store: Path = Path("data/registry.db")
    key: Path = Path("data/registry.pem")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8090
    publish_every_s: Annotated[float, Field(gt=0, le=86_400)] = 5.0


class CpoTable(_Table):
    """id: country and party, ``DE*ABC``. token_sha256: as ``chargebridge registry token`` prints it beside the token that the operator gets.

    confirm_url: where confirmations are posted; without it the operator fetches them.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z]{2}\*[A-Z0-9]{3}$")]
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    confirm_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+(/.*)?$")] | None = None


class RegistryConfig(_Table):
    registry: RegistryTable = RegistryTable()
    cpo: tuple[CpoTable, ...] = ()


def load(path: Path) -> RegistryConfig:
    """Raises ConfigInvalidError with everything that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalidError([ConfigError(str(path), f"cannot be read ({error})", "name a TOML file of yours")]) from error
    return validated(RegistryConfig, text, str(path))
