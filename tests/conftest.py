"""Profiles of hypothesis: `HYPOTHESIS_PROFILE=soak` runs many more examples than the default, and never the same ones twice."""

import os

from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("default", deadline=None, max_examples=25, derandomize=True, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2000, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
