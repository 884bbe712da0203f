"""Instrumentors that the launcher finds: one for each library, reversible and idempotent."""
