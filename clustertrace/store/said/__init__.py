"""What the user says by hand: outcomes, notes, assertions, commitments, filters, templates."""
