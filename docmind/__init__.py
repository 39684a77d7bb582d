"""DocMind: private document chat on your own machine."""

__version__ = "0.1.0"
