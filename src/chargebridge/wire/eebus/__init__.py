"""EEBUS as a language: SHIP (`ship`), SPINE (`spine`) and its JSON (`json`). No sockets, no clock, nothing of chargebridge outside this package."""
