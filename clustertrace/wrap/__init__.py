"""Model clients of other people's making, recorded: Anthropic's, OpenAI's and Google's.

Nothing here imports an SDK or changes a class of one: a wrapped client is a copy of the client that
was handed in, and the calls that go through this copy are recorded. docs/wrappers.md says what of
each.
"""
