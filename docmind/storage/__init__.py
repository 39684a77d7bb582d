"""What DocMind remembers: one SQLite database (`database.py`), a store for each kind of thing."""
