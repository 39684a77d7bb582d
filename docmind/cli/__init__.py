"""`docmind`: the command line over the same services as the pages."""
