"""Figures beside peers and physical limits: one file a table, each with ``main()``. Ratios count; absolute times are this machine's."""
