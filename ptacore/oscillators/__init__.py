"""Pairs of units that oscillate: certificates, and the initialization drawn from them."""
