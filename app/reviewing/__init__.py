"""A week's review on screen."""
