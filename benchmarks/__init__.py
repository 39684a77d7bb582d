"""Measurements of DocMind. `docmind bench --help` and `docmind eval --help` list them."""
