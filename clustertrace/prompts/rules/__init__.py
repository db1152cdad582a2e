"""The rules for prompts, one small class each."""
