"""The language model: which weights, which plan, and the engine that runs them."""

import os

# Read by OpenMP when torch is first imported. By default its threads wait spinning, and each one that spins keeps
# another thread's work (embedding, another program) off the core: with busy cores decoding is 2 to 5 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
