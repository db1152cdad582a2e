"""Maintaining a database: deleting, checking, copying, recomputing."""
