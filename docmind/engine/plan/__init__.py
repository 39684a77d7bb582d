"""What the engine runs on this machine, and why."""
