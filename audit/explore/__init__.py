"""Reading the trail: search, entries, saved views, timelines, records as they stood, and restoring one."""
