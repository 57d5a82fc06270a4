"""Look-ahead, pure: a problem in, a schedule out. Nothing here waits, asks the time or talks to anybody but the solver."""

from chargebridge.planning.check import ProblemError
from chargebridge.planning.plan import plan

__all__ = ["ProblemError", "plan"]
