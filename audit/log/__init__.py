"""The sealed log: leaves, tree, formats, keys, sealing, proofs, and the verification of all of it."""
