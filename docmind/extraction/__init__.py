"""The same questions asked of many documents: a grid of values, citations and verdicts."""
