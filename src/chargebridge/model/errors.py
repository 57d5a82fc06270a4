"""Errors that a person can act on: what is wrong, where, and what to do."""

from collections.abc import Sequence


class ChargebridgeError(Exception):
    """What every error of ours has: a place, a reason and a cure."""

    def __init__(self, where: str, reason: str, cure: str) -> None:
        super().__init__(f"{where}: {reason}; {cure}")
        self.where = where
        self.reason = reason
        self.cure = cure


class SeveralErrors(Exception):  # noqa: N818  (a number of errors, not one)
    """All that is wrong in one thing, at once."""

    def __init__(self, errors: Sequence[ChargebridgeError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class ModelError(ChargebridgeError):
    """A value that contradicts itself or another."""


class UnknownNameError(ModelError):
    """What was asked for by its name is not there."""
