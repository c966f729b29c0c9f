"""A day of a 400-hotline, played against a running server over HTTP."""
