"""Writing: what arrives becomes rows, idempotently and in any order."""
