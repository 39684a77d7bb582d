"""Training of the adapter that the default model ships with."""
