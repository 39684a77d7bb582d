"""What the machine and the engine are doing right now."""
