"""Runs a recorded run again, with its arguments and with the recorded answers of tools and models.

`recording` reads the calls of a trace, `arguments` builds the call of the entry, `player` answers
calls during the run, `running` runs it, `repro` writes a test that runs it.
"""
