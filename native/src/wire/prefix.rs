//! Address prefixes, the currency between ECS, pins, databases and the client map.

/// The family of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    /// The bits of an address of this family.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// A network: `length` leading bits of `address` count, all others are zero.
///
/// The address stands left-aligned, an IPv4 one in the upper 32 bits, so that masks and
/// look-ups are the same for both families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// Which kind of address.
    pub family: Family,
    /// The address, left-aligned, host bits zero.
    pub address: u128,
    /// Prefix bits, at most [`Family::bits`].
    pub length: u8,
}

/// The mask of the `length` leading bits of a left-aligned address.
#[must_use]
pub const fn mask(length: u8) -> u128 {
    match length {
        0 => 0,
        1..=127 => !(u128::MAX >> length),
        _ => u128::MAX,
    }
}

impl Prefix {
    /// The prefix of `length` bits around `address`, which is left-aligned.
    #[must_use]
    pub const fn new(family: Family, address: u128, length: u8) -> Self {
        let length = if length > family.bits() {
            family.bits()
        } else {
            length
        };
        Self {
            family,
            address: address & mask(length),
            length,
        }
    }

    /// One IPv4 address.
    #[must_use]
    pub const fn host_v4(octets: [u8; 4]) -> Self {
        Self::new(Family::V4, (u32::from_be_bytes(octets) as u128) << 96, 32)
    }

    /// One IPv6 address.
    #[must_use]
    pub const fn host_v6(octets: [u8; 16]) -> Self {
        Self::new(Family::V6, u128::from_be_bytes(octets), 128)
    }

    /// Whether every address of `other` lies inside this prefix.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.family == other.family
            && self.length <= other.length
            && (self.address ^ other.address) & mask(self.length) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_itself_and_what_is_longer() {
        let wide = Prefix::new(Family::V4, u128::MAX, 8);
        assert!(wide.contains(&Prefix::host_v4([255, 1, 2, 3])));
        assert!(!wide.contains(&Prefix::host_v4([254, 1, 2, 3])));
        assert!(!wide.contains(&Prefix::new(Family::V6, u128::MAX, 128)));
        assert!(Prefix::new(Family::V6, 0, 0).contains(&Prefix::host_v6([9; 16])));
    }
}
