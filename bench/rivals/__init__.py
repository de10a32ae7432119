"""The same twelve columns five times: plain, governed, and as three well-known packages keep their history."""
