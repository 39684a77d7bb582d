"""Which weights there are, where they come from, and what they become."""
