"""The tables, once, for every database."""
