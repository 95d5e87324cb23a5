"""What probing costs, and how soon a dead endpoint is found. Run from the repository's root."""
