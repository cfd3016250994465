"""What does somebody need who writes a backend, or tests what uses bucketport? Fakes, and contracts to run."""
