"""Programs beside the system that show what can be built on it; `make run` starts them."""
