"""Is what a meter says consistent: with itself, with its own past, with our clock and with its neighbours. Found and told, never repaired."""

from chargebridge.meters.quality.checker import MeterChecker
from chargebridge.meters.quality.compare import Comparison
from chargebridge.meters.quality.intervals import check_complete, check_sum, completeness

__all__ = ["Comparison", "MeterChecker", "check_complete", "check_sum", "completeness"]
