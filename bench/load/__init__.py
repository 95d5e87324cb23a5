"""The load generator and the echo, two C programs of our own, and how Python runs them."""
