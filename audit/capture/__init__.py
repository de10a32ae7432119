"""How changes become versions, entries and payloads: the SQL of the triggers, the migrations that install it, the check that it is there."""
