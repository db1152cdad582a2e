"""Prompts: what is wrong with a draft, which habits go along with failing, templates."""
