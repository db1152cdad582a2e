"""A trace on screen: its tree and Gantt, the details of its spans, and actions on it."""
