"""What operators ask a daemon for, and what the answer costs."""
