"""The erasure of a person: accepted, carried out by a worker, and made again after a restore."""
