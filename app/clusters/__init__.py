"""Patterns, families and failure rules on screen, and why one fails."""
