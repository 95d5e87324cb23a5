//! IPv6 clients that stand for IPv4 ones, folded as `resolverd/dns/embedded.py` folds them.

use crate::prefix::{Family, Prefix, mask};

/// The prefix to look up, and how many bits its lengths lie below the original's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Folded {
    /// IPv4 where the client was carried, else the client's own prefix.
    pub prefix: Prefix,
    /// Bits before the embedded IPv4 address; 0 where nothing was folded.
    pub offset: u8,
}

/// An IPv6 network whose addresses embed IPv4 ones.
struct Carrier {
    network: u128,
    length: u8,
    offset: u8,
    inverted: bool,
}

const fn carrier(network: u128, length: u8, offset: u8, inverted: bool) -> Carrier {
    Carrier {
        network,
        length,
        offset,
        inverted,
    }
}

static CARRIERS: [Carrier; 5] = [
    carrier(0, 96, 96, false),            // ::/96, where databases keep IPv4
    carrier(0xffff << 32, 96, 96, false), // v4-mapped, RFC 4291 §2.5.5.2
    carrier(0x0064_ff9b << 96, 96, 96, false), // NAT64, RFC 6052 §2.1
    carrier(0x2002 << 112, 16, 16, false), // 6to4, RFC 3056 §2
    carrier(0x2001_0000 << 96, 32, 96, true), // Teredo, RFC 4380 §4
];

/// The networks of all carriers.
pub fn networks() -> impl Iterator<Item = Prefix> {
    CARRIERS
        .iter()
        .map(|c| Prefix::new(Family::V6, c.network, c.length))
}

/// The IPv4 prefix that `client` stands for, or `client` itself with offset 0.
///
/// One too short to fix a bit of the embedded address is not folded; one longer than the
/// embedded address folds to the full IPv4 address.
#[must_use]
#[inline]
pub fn fold(client: Prefix) -> Folded {
    if client.family == Family::V6 {
        for carrier in &CARRIERS {
            let inside = (client.address ^ carrier.network) & mask(carrier.length) == 0;
            if inside && client.length > carrier.offset && client.length >= carrier.length {
                let flip = if carrier.inverted { u128::MAX } else { 0 };
                let address = (client.address << carrier.offset) ^ flip;
                let length = client.length.saturating_sub(carrier.offset).min(32);
                return Folded {
                    prefix: Prefix::new(Family::V4, address, length),
                    offset: carrier.offset,
                };
            }
        }
    }
    Folded {
        prefix: client,
        offset: 0,
    }
}

/// For an IPv6 prefix that does not fold: where the carriers near it begin and end.
pub struct Carried {
    /// Whether some address of the prefix is carried; which IPv4 address, it is too short to say.
    pub some: bool,
    /// Bits such that all addresses sharing them with the prefix's first one lie in the same
    /// carrier, or in none.
    pub boundary: u8,
}

/// How `prefix`, which is IPv6, lies among the carriers.
#[must_use]
#[inline]
pub fn carried(prefix: Prefix) -> Carried {
    let mut found = Carried {
        some: false,
        boundary: 0,
    };
    for carrier in &CARRIERS {
        let differing = prefix.address ^ carrier.network;
        let shorter = carrier.length.min(prefix.length);
        found.some |= differing & mask(shorter) == 0;
        // At most 128, and one more than what they share is where they part.
        let parting = (differing.leading_zeros() as u8).saturating_add(1);
        found.boundary = found.boundary.max(parting.min(carrier.length));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(address: u128, length: u8) -> Prefix {
        Prefix::new(Family::V6, address, length)
    }

    #[test]
    fn each_format_folds_into_its_ipv4_address() {
        let host = 0xc000_0201_u128;
        for (address, offset) in [
            (host, 96),
            (0xffff << 32 | host, 96),
            (0x0064_ff9b << 96 | host, 96),
            (0x2002 << 112 | host << 80, 16),
            (0x2001_0000 << 96 | (host ^ 0xffff_ffff), 96),
        ] {
            let folded = fold(v6(address, 128));
            assert_eq!(folded.prefix, Prefix::host_v4([192, 0, 2, 1]));
            assert_eq!(folded.offset, offset);
        }
    }

    #[test]
    fn a_prefix_that_fixes_no_bit_of_the_address_stays_itself() {
        for prefix in [v6(0x2002 << 112, 16), v6(0, 96), v6(0x2001 << 112, 32)] {
            assert_eq!(fold(prefix), Folded { prefix, offset: 0 });
            assert!(carried(prefix).some);
        }
        assert!(carried(v6(0, 0)).some);
        assert!(!carried(v6(0x2001_0db8 << 96, 32)).some);
    }

    #[test]
    fn a_boundary_is_where_the_nearest_carrier_parts() {
        // 2001:db8:: and 2001:: share 20 bits.
        assert_eq!(carried(v6(0x2001_0db8 << 96, 32)).boundary, 21);
        assert_eq!(carried(v6(0x8000 << 112, 1)).boundary, 1);
        assert_eq!(carried(v6(0, 96)).boundary, 96);
    }
}
