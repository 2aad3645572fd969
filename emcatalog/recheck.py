"""How long what a server has told is believed."""

RECHECK_SECONDS = 300.0
"""How old an answer may be before its server is asked anew."""
