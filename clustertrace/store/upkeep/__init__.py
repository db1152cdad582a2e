"""A database looked after: cut down, checked, copied, worked out anew."""
