"""How long values are kept: retention, legal holds, erasure, and what a restore does again."""
