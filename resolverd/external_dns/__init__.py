"""Records that external-dns keeps in a fragment of a zone: its webhook protocol, and the file."""
