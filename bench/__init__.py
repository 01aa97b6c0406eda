"""What each operation costs: AWS calls, units and dollars, counted on the local topology."""
