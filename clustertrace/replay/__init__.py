"""A recorded run, run again: with its arguments, and with its tools and models answering as then.

`recording` reads what a trace contains, `arguments` builds the call, `player` answers calls during
the run, `running` runs it, `repro` writes a test that does.
"""
