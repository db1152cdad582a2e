"""The weekly review: what a week's runs came to, and one change for the next (docs/review.md)."""
