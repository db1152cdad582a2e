"""Records the calls of model clients: Anthropic's, OpenAI's and Google's.

Nothing here imports an SDK or changes its classes: a wrapped client is a copy of the client that
was passed in, and calls through this copy are recorded. docs/wrappers.md lists what is recorded.
"""
