"""Where passages and their vectors live."""
