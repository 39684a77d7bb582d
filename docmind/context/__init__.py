"""Keeping what the model sees inside its window."""
