"""Prompts on screen: drafts reviewed, habits, templates."""
