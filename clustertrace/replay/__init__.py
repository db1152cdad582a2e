"""A recorded run, run again: with its arguments, and with its tools and models answering as then.

`recording` reads what a trace holds, `arguments` makes the call, `player` answers in between,
`running` does it, `repro` writes a test that does.
"""
