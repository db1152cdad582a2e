"""The rules on prompts, a small class each."""
