"""Pairs of units that oscillate: certificates, tongues, and the initialization drawn from them."""
