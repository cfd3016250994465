"""Which keys and buckets exist? Registries: of the configuration, of the data folder, of the store."""
