"""Prompts: reviews of drafts, habits that are associated with failures, templates."""
