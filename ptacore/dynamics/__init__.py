"""What follows a system: trajectories, adjoints, spectra, fixed points, periodic orbits."""
