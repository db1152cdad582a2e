"""Turn other tools' exports into spans and facts: one module per tool, with pure functions."""
