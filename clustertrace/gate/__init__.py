"""Assertions that must hold for runs: how they are checked and reported."""
