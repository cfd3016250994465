"""What is set, and where did it come from? The settings as values, their sources, and the composition root."""
