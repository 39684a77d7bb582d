"""The language model: which weights, which plan, and the engine that runs them."""
