"""Reviewing the trail: samples, judgements, sign-off, and what it covers."""
