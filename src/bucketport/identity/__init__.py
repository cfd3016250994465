"""Who asks? Each way to say so is a Method in a file of its own; `base.authenticate` is the one door."""
