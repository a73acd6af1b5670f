"""Figure 6: a memory of heading."""
