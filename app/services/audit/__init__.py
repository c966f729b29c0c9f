"""The chain of seals over what happened to tickets and who saw personal data (R29)."""
