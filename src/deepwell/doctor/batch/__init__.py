"""What one batch tells of model, loss and optimiser before the first step."""
