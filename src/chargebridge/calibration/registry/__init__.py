"""The public-key registry: which meter's key stands at which charging point, since when, and that nobody can rewrite it (S.A.F.E. best practices).

events        what happened, in the one form whose bytes are logged
plausibility  whether a key can be one at all
rules         pure: what the entries are after all events, and which next event each process allows
log           the events on disk under a Merkle tree with signed heads; an entry is public once a head has it
"""
