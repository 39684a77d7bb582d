"""Conversations as files that others can read."""
