"""The feed of sealed entries for security monitors."""
