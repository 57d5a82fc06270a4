"""Kinds of cars. Figures are ours, in the ranges of today's cars; each kind does something that a site must be able to live with."""

from chargebridge.sim.world.car import CarKind

KINDS: dict[str, CarKind] = {
    kind.name: kind
    for kind in (
        CarKind(name="family", capacity_wh=60_000, maximum_a=16),
        CarKind(name="city", capacity_wh=40_000, maximum_a=32, resolution_a=0.5),
        CarKind(name="long_range", capacity_wh=82_000, maximum_a=16, soc_limit=0.8, resolution_a=1.0),
        CarKind(name="thirteen_amps", capacity_wh=52_000, maximum_a=13, reaction_s=(1.0, 2.0)),
        CarKind(name="two_phase", capacity_wh=36_000, phases=2, maximum_a=16),
        CarKind(name="one_phase", capacity_wh=30_000, phases=1, maximum_a=32, efficiency=0.87),
        CarKind(name="plug_in_hybrid", capacity_wh=11_000, phases=1, maximum_a=16, efficiency=0.86, resolution_a=1.0),
        CarKind(name="lazy", capacity_wh=64_000, maximum_a=16, ignores_raise_below_a=2.0),
        CarKind(name="sleeper", capacity_wh=58_000, maximum_a=16, wake_s=150.0, reaction_s=(3.0, 4.5)),
        CarKind(name="ripple", capacity_wh=77_000, maximum_a=16, noise_a=0.4, ramp_a_per_s=1.0),
        CarKind(name="stubborn", capacity_wh=50_000, maximum_a=16, never_lowers=True),
    )
}
"""``stubborn`` breaks IEC 61851-1 by never lowering its current: for fault tests, not for a peaceful demo."""
