"""What must stay true of the runs: assertions, what they need to know, how they are reported."""
