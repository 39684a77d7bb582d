"""What `docmind bench` measures, and how its results are kept."""
