"""The public page of a policy (P8): what an edition says to customers, in words, sections and HTML."""
