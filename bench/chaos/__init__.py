"""``make chaos``: real clients on the whole topology while everything fails, and a checker that counts what they saw."""
