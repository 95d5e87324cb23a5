//! IPv6 clients that stand for IPv4 ones, extracted as `resolverd/dns/embedded_v4.py` does.

use super::contract::{EMBEDDED_V4, EmbeddedV4};
use crate::wire::prefix::{Family, Prefix, mask};

/// The prefix to look up, and how many bits its lengths lie below the original's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extracted {
    /// IPv4 where the client was embedded, else the client's own prefix.
    pub prefix: Prefix,
    /// Bits before the embedded IPv4 address; 0 where none is embedded.
    pub offset: u8,
    /// Bits of it before the octet u, which is skipped; 128 where there is none.
    pub before_u: u8,
}

impl Extracted {
    /// What a length, in the family looked up, is in the original's.
    #[must_use]
    #[inline]
    pub const fn scope(&self, length: u8) -> u8 {
        let u = if length > self.before_u { 8 } else { 0 };
        length.saturating_add(self.offset).saturating_add(u)
    }
}

/// The IPv4-embedded prefixes of one configuration, in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct EmbeddedNetworks(Box<[EmbeddedV4]>);

impl EmbeddedNetworks {
    /// Those of RFCs, and before them a network's own NAT64 prefixes, the longest first.
    #[must_use]
    pub fn with(nat64: &[Prefix]) -> Self {
        let mut own: Vec<EmbeddedV4> = nat64.iter().map(|prefix| of_nat64(*prefix)).collect();
        own.sort_by_key(|embedded| (u8::MAX - embedded.length, embedded.network));
        own.dedup();
        let replaced = |known: &EmbeddedV4| {
            let inside = |one: &EmbeddedV4| {
                one.length <= known.length && (one.network ^ known.network) & mask(one.length) == 0
            };
            own.iter().any(inside)
        };
        let others: Vec<EmbeddedV4> = (EMBEDDED_V4.iter().copied())
            .filter(|known| !replaced(known))
            .collect();
        Self(own.into_iter().chain(others).collect())
    }

    /// The prefixes.
    pub fn networks(&self) -> impl Iterator<Item = Prefix> {
        self.0
            .iter()
            .map(|c| Prefix::new(Family::V6, c.network, c.length))
    }

    /// The IPv4 prefix that `client` stands for, or `client` itself with offset 0.
    ///
    /// One too short to fix a bit of the embedded address stays itself; one longer than the
    /// embedded address gives the full IPv4 address.
    #[must_use]
    #[inline]
    pub fn extract(&self, client: Prefix) -> Extracted {
        if client.family == Family::V6 {
            for embedded in &self.0 {
                let inside = (client.address ^ embedded.network) & mask(embedded.length) == 0;
                if inside && client.length >= embedded.length {
                    let fixed = embedded.fixed(client.length);
                    if fixed > 0 {
                        return Extracted {
                            prefix: Prefix::new(
                                Family::V4,
                                embedded.address(client.address),
                                fixed,
                            ),
                            offset: embedded.offset,
                            before_u: embedded.before_u,
                        };
                    }
                }
            }
        }
        Extracted {
            prefix: client,
            offset: 0,
            before_u: 128,
        }
    }

    /// How `prefix`, which is IPv6, lies among the IPv4-embedded ones.
    #[must_use]
    #[inline]
    pub fn near(&self, prefix: Prefix) -> NearEmbedded {
        let mut found = NearEmbedded {
            overlaps: false,
            boundary: 0,
        };
        for embedded in &self.0 {
            let differing = prefix.address ^ embedded.network;
            let shorter = embedded.length.min(prefix.length);
            found.overlaps |= differing & mask(shorter) == 0;
            // At most 128, and one more than what they share is where they part.
            let parting = (differing.leading_zeros() as u8).saturating_add(1);
            found.boundary = found.boundary.max(parting.min(embedded.length));
        }
        found
    }
}

impl EmbeddedV4 {
    /// How many bits of the embedded address a prefix of this length fixes.
    #[inline]
    const fn fixed(&self, length: u8) -> u8 {
        let bits = length.saturating_sub(self.offset);
        let bits = if bits <= self.before_u {
            bits
        } else if bits.saturating_sub(8) > self.before_u {
            bits.saturating_sub(8)
        } else {
            self.before_u
        };
        if bits > 32 { 32 } else { bits }
    }

    /// The embedded address, left-aligned, with what follows it.
    #[inline]
    const fn address(&self, address: u128) -> u128 {
        let whole = address << self.offset;
        let found = if self.before_u < 32 {
            let before = mask(self.before_u);
            whole & before | whole << 8 & !before
        } else {
            whole
        };
        if self.inverted { !found } else { found }
    }
}

/// How a NAT64 prefix embeds addresses (RFC 6052 §2.2): the octet behind bit 64 is skipped.
const fn of_nat64(prefix: Prefix) -> EmbeddedV4 {
    EmbeddedV4 {
        network: prefix.address,
        length: prefix.length,
        offset: prefix.length,
        inverted: false,
        before_u: if prefix.length <= 64 {
            64 - prefix.length
        } else {
            128
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(address: u128, length: u8) -> Prefix {
        Prefix::new(Family::V6, address, length)
    }

    fn extract_v4(client: Prefix) -> Extracted {
        EmbeddedNetworks::with(&[]).extract(client)
    }

    fn near_embedded(prefix: Prefix) -> NearEmbedded {
        EmbeddedNetworks::with(&[]).near(prefix)
    }

    #[test]
    fn each_length_of_rfc_6052_is_extracted() {
        // The table of RFC 6052 §2.4.
        for (prefix, length, address) in [
            (
                0x2001_0db8_u128 << 96,
                32,
                0x2001_0db8_c000_0221_0000_0000_0000_0000,
            ),
            (
                0x2001_0db8_0100_0000 << 64,
                40,
                0x2001_0db8_01c0_0002_0021_0000_0000_0000,
            ),
            (
                0x2001_0db8_0122 << 80,
                48,
                0x2001_0db8_0122_c000_0002_2100_0000_0000,
            ),
            (
                0x2001_0db8_0122_0300 << 64,
                56,
                0x2001_0db8_0122_03c0_0000_0221_0000_0000,
            ),
            (
                0x2001_0db8_0122_0344 << 64,
                64,
                0x2001_0db8_0122_0344_00c0_0002_2100_0000,
            ),
            (
                0x2001_0db8_0122_0344 << 64,
                96,
                0x2001_0db8_0122_0344_0000_0000_c000_0221_u128,
            ),
        ] {
            let networks = EmbeddedNetworks::with(&[v6(prefix, length)]);
            let extracted = networks.extract(v6(address, 128));
            assert_eq!(
                extracted.prefix,
                Prefix::host_v4([192, 0, 2, 33]),
                "/{length}"
            );
            let skipped = if length == 96 { 0 } else { 8 };
            assert_eq!(
                extracted.scope(32),
                length + 32 + if length == 32 { 0 } else { skipped }
            );
            assert_eq!(networks.extract(v6(address, length)).offset, 0);
        }
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
            let itself = Extracted {
                prefix,
                offset: 0,
                before_u: 128,
            };
            assert_eq!(extract_v4(prefix), itself);
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
