"""Building blocks that more than one place in the stacks uses."""
