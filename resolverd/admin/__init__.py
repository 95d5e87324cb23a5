"""What operators and monitoring ask a running daemon, over a Unix socket and over HTTP."""
