"""Layer 3: a trained model as one file that runs no code when it is read."""
