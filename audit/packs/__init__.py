"""Export packs: asked for (asking), made by the worker (making, selection, spool, closing), checked by audit/verifier/verify.py."""
