"""Importing torch and its companions, one thread at a time.

They import each other in circles: two threads that import them at once see them half-made
(`ImportError: cannot import name … from partially initialized module`). The engine's thread and the
ingestion's both need them.
"""

import logging
import os
import threading

LOCK = threading.RLock()


def import_model_stack() -> None:
    """Import torch, transformers and sentence-transformers; whoever comes second waits."""
    with LOCK:
        # Read by OpenMP when torch is first imported. By default its threads wait spinning, and
        # each one that spins keeps another thread's work (embedding, another program) off the core:
        # with busy cores decoding is 2 to 5 times slower.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # Its warnings about NUMA and Triton help nobody here.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        logging.getLogger("torch._library").setLevel(logging.ERROR)
        import accelerate  # noqa: F401
        import sentence_transformers  # noqa: F401
        from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer  # noqa: F401
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
