"""DocMind: private document chat on your own machine."""

__version__ = "0.2.0"
