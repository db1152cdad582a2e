"""What runs inside the user's program: spans, their values, and the spool they are written to.

The standard library only, and never an exception of its own.
"""
