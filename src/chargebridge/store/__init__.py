"""What must not be forgotten: SQLite by default, reached through one writer that commits in groups."""

from chargebridge.store.database import Database, StoreError

__all__ = ["Database", "StoreError"]
