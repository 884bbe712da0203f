"""Instrumentors that the launcher finds: one a library, each reversible and idempotent."""
