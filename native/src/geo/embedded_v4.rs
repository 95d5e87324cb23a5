//! IPv6 clients that stand for IPv4 ones, extracted as `resolverd/dns/embedded_v4.py` does.

use super::contract::EMBEDDED_V4;
use crate::wire::prefix::{Family, Prefix, mask};

/// The prefix to look up, and how many bits its lengths lie below the original's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extracted {
    /// IPv4 where the client was embedded, else the client's own prefix.
    pub prefix: Prefix,
    /// Bits before the embedded IPv4 address; 0 where none is embedded.
    pub offset: u8,
}

/// The IPv4-embedded prefixes.
pub fn networks() -> impl Iterator<Item = Prefix> {
    EMBEDDED_V4
        .iter()
        .map(|c| Prefix::new(Family::V6, c.network, c.length))
}

/// The IPv4 prefix that `client` stands for, or `client` itself with offset 0.
///
/// One too short to fix a bit of the embedded address stays itself; one longer than the
/// embedded address gives the full IPv4 address.
#[must_use]
#[inline]
pub fn extract_v4(client: Prefix) -> Extracted {
    if client.family == Family::V6 {
        for embedded in &EMBEDDED_V4 {
            let inside = (client.address ^ embedded.network) & mask(embedded.length) == 0;
            if inside && client.length > embedded.offset && client.length >= embedded.length {
                let flip = if embedded.inverted { u128::MAX } else { 0 };
                let address = (client.address << embedded.offset) ^ flip;
                let length = client.length.saturating_sub(embedded.offset).min(32);
                return Extracted {
                    prefix: Prefix::new(Family::V4, address, length),
                    offset: embedded.offset,
                };
            }
        }
    }
    Extracted {
        prefix: client,
        offset: 0,
    }
}

/// For an IPv6 prefix that embeds no one IPv4 prefix: where the IPv4-embedded ones near it begin and end.
pub struct NearEmbedded {
    /// Whether some address of the prefix embeds an IPv4 one; which, it is too short to say.
    pub overlaps: bool,
    /// Bits such that all addresses sharing them with the prefix's first one lie in the same
    /// IPv4-embedded prefix, or in none.
    pub boundary: u8,
}

/// How `prefix`, which is IPv6, lies among the IPv4-embedded ones.
#[must_use]
#[inline]
pub fn near_embedded(prefix: Prefix) -> NearEmbedded {
    let mut found = NearEmbedded {
        overlaps: false,
        boundary: 0,
    };
    for embedded in &EMBEDDED_V4 {
        let differing = prefix.address ^ embedded.network;
        let shorter = embedded.length.min(prefix.length);
        found.overlaps |= differing & mask(shorter) == 0;
        // At most 128, and one more than what they share is where they part.
        let parting = (differing.leading_zeros() as u8).saturating_add(1);
        found.boundary = found.boundary.max(parting.min(embedded.length));
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
    fn each_format_is_extracted_to_its_ipv4_address() {
        let host = 0xc000_0201_u128;
        for (address, offset) in [
            (host, 96),
            (0xffff << 32 | host, 96),
            (0x0064_ff9b << 96 | host, 96),
            (0x2002 << 112 | host << 80, 16),
            (0x2001_0000 << 96 | (host ^ 0xffff_ffff), 96),
        ] {
            let extracted = extract_v4(v6(address, 128));
            assert_eq!(extracted.prefix, Prefix::host_v4([192, 0, 2, 1]));
            assert_eq!(extracted.offset, offset);
        }
    }

    #[test]
    fn a_prefix_that_fixes_no_bit_of_the_address_stays_itself() {
        for prefix in [v6(0x2002 << 112, 16), v6(0, 96), v6(0x2001 << 112, 32)] {
            assert_eq!(extract_v4(prefix), Extracted { prefix, offset: 0 });
            assert!(near_embedded(prefix).overlaps);
        }
        assert!(near_embedded(v6(0, 0)).overlaps);
        assert!(!near_embedded(v6(0x2001_0db8 << 96, 32)).overlaps);
    }

    #[test]
    fn a_boundary_is_where_the_nearest_embedded_prefix_parts() {
        // 2001:db8:: and 2001:: share 20 bits.
        assert_eq!(near_embedded(v6(0x2001_0db8 << 96, 32)).boundary, 21);
        assert_eq!(near_embedded(v6(0x8000 << 112, 1)).boundary, 1);
        assert_eq!(near_embedded(v6(0, 96)).boundary, 96);
    }
}
