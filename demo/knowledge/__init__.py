"""What the agents can look up: a small web, a help centre, a shop's orders. All of it made up."""
