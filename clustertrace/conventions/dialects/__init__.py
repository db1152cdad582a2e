"""One convention for naming attributes a file."""
