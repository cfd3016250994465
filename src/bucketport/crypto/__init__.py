"""How are digests, signatures and seals computed? Each behind a port, with the wheels that make it fast."""
