"""What users enter by hand: outcomes, notes, assertions, commitments, filters, templates."""
