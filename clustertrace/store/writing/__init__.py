"""The way in: what arrives becomes rows, idempotent and in any order."""
