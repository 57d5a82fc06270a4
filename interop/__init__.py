"""Foreign peers against ours: one folder a peer, each with ``async def run()`` that returns its checks."""
