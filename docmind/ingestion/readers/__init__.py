"""Files → text, a module a family of formats."""
