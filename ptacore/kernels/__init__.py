"""Compiled code: the C sources, what builds them, and what calls them."""
