"""How every face says it: numbers, sums and headlines in words, links, escaped HTML."""
