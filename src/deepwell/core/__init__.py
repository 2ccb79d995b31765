"""Layer 0: errors, seeds, devices, atomic files and the protocols that the layers above meet."""
