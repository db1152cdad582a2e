"""Wording shared by all interfaces: numbers, sums and headlines, links, escaped HTML."""
