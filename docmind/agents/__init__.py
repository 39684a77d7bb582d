"""The supervisor and the agents it sends out in parallel."""
