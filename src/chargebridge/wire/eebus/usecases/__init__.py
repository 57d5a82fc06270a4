"""Use cases of EEBUS on the SPINE node: limits of power (LPC, LPP) from both sides."""
