"""Whether a key can be a meter's at all: cheap checks before anything is entered."""

from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.ocmf import CURVES as OCMF_CURVES
from chargebridge.wire.signed.record import SignedFormat

CURVES: dict[str, tuple[str, ...]] = {
    SignedFormat.OCMF: OCMF_CURVES,
    SignedFormat.ALFEN: ("secp192r1",),
    SignedFormat.EDL40: ("secp192r1", "secp256r1"),
    SignedFormat.ISA_EDL40: ("secp256r1",),
    SignedFormat.MENNEKES: ("secp192r1",),
    SignedFormat.EDL40_SIG: ("secp192r1", "secp256r1"),
    SignedFormat.PCDF: ("secp256r1",),
    SignedFormat.BSM: ("secp256r1",),
    SignedFormat.EMH_CRYPT: ("secp192r1",),
    SignedFormat.CHARGEPOINT: ("secp224k1", "secp256r1"),
}
"""On which curves the meters of a format sign."""


def plausible(text: str, format_: str, curve: str | None) -> PublicKey:
    """The key, if it is one. curve: where the CPO names it; a bare point may be on several. Raises RegistryError."""
    if format_ not in CURVES:
        known = ", ".join(CURVES)
        raise RegistryError("format", f"{format_!r} is no format of signed values", f"name one of {known}")
    try:
        key = read_key(text, (curve,) if curve else CURVES[format_])
    except (SignedFormatError, KeyError) as error:
        reason = error.reason if isinstance(error, SignedFormatError) else f"the curve {curve} is unknown"
        raise RegistryError("key", reason, "read it off the meter again, or from its commissioning record") from None
    if curve and key.curve != curve:
        raise RegistryError("key", f"it is on {key.curve}, not on {curve}", "name the curve that the key's own form says")
    if key.curve not in CURVES[format_]:
        allowed = ", ".join(CURVES[format_])
        raise RegistryError("key", f"it is on {key.curve}; meters that speak {format_} sign on {allowed}", "check the format, or the key")
    return key
