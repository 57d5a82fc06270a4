"""What is not known yet, as bands: load, PV, and what drivers do. Everything here is a function of what was known when it was asked for.

`load.forecast_load`, `pv.forecast_pv` give a `Forecast`; `drivers.Habits` tells when a car leaves and what it takes; `score` holds them
against what came. The methods stand in `docs/forecasts.md`.
"""
