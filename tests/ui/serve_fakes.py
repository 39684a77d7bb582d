"""The app over in-memory parts, for looking at states: `streamlit run tests/ui/serve_fakes.py`."""

import os
import runpy
import sys
import tempfile
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docmind.ui import state  # noqa: E402
from tests.fakes import fake_app  # noqa: E402


@st.cache_resource
def get_app():
    return fake_app(Path(os.environ.get("DOCMIND_DATA_DIR") or tempfile.mkdtemp()))


state.get_app = get_app
runpy.run_path(str(ROOT / "streamlit_app.py"))
