"""What the registry refuses."""

from chargebridge.model.errors import ChargebridgeError


class RegistryError(ChargebridgeError):
    """A step that the best practices, or what is entered already, do not allow."""


class TamperedError(RegistryError):
    """What is on disk is not what was logged, or a head is not signed by the registry."""
