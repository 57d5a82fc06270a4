"""OCPP 2.0.1 and 2.1 as a station speaks them: one voice in 2.1's words, which 2.0.1 has fewer of (`edition`)."""
