"""Lists of traces on screen, and bulk actions on the ticked ones."""
