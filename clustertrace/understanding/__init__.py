"""What the spans of a trace say together: whose error, which calls count, how it ended; pure."""
