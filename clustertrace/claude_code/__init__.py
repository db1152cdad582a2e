"""Claude Code: what makes it report to this receiver, and what starts the receiver with it."""
