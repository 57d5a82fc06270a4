"""Look-ahead, pure: a problem in, a schedule out. Nothing here waits, asks the time or talks to anybody but the solver."""

from typing import TYPE_CHECKING, Any

from chargebridge.planning.check import ProblemError

if TYPE_CHECKING:
    from chargebridge.planning.planner import plan

__all__ = ["ProblemError", "plan"]


def __getattr__(name: str) -> Any:
    """``plan`` is loaded when it is asked for: those who only need the words need neither numpy nor the solver."""
    if name == "plan":
        from chargebridge.planning.planner import plan

        return plan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
