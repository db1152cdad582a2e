"""One trace on screen: its tree and Gantt, its steps in full, what can be done with it."""
