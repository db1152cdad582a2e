"""Lists of traces on screen, and what can be done with those that are ticked."""
