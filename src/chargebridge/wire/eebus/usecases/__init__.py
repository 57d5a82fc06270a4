"""Use cases of EEBUS on the SPINE node, from both sides: limits of power (LPC, LPP) and measured values (MPC, MGCP)."""
