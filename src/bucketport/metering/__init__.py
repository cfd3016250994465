"""Where do finished requests go? Into the access log and into counters."""
