"""Whether a kWh may be billed: signed meter values, whose keys they were signed with, sessions, and what a CDR makes of them."""
