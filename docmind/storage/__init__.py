"""What DocMind remembers in its SQLite database."""
