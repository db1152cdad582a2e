"""Asking a model on the user's behalf and money: one request, no silent retry, readable errors."""
