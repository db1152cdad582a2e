"""Runs judged by a model after a rubric (docs/judge.md)."""
