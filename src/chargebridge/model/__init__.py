"""Vocabulary: what things are called. Values only, no I/O and no framework.

Units stand in the names (``power_w``, ``energy_wh``, ``current_a``); import from the grid is positive, export negative;
times are aware UTC; three phases are a tuple ``(l1, l2, l3)``.
"""
