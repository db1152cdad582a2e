"""A run, or a pattern, as one HTML file that needs nothing else (docs/snapshot.md)."""
