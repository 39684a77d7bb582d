"""Measurements on a lent GPU host without network: what travels, and what runs there."""
