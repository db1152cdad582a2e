"""What must hold for runs: assertions, what they need to know, how they are reported."""
