"""The graph of how runs go from step to step."""
