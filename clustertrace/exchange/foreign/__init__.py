"""Other tools' exports → spans and facts, one module a tool; pure functions of one record each."""
