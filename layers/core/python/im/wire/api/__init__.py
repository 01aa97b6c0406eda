"""Bodies of the server API, a module a family, and the codec that they share."""
