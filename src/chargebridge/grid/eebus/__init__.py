"""A control box by EEBUS: the site is its Controllable System (LPC, LPP), and tells what flows (MGCP, MPC)."""

from chargebridge.grid.eebus.source import EebusGrid, GridSettings, Side

__all__ = ["EebusGrid", "GridSettings", "Side"]
