"""The HTTP surfaces. Each says which requests it wants; s3 is last and wants the rest."""
