"""What stands outside for the log: witnesses, time stamps, and people who compared a checkpoint."""
