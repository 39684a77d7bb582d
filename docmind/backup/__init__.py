"""One file with all that is remembered, and the way back from it."""
