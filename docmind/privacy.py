"""Nothing leaves the machine.

Every dependency's telemetry and tracing is off before that dependency is imported.
"""

import os

_OFF = {
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def silence_telemetry() -> None:
    """Switch usage reports and tracing off for this process and its children.

    Whatever the environment said.
    """
    os.environ.update(_OFF)
