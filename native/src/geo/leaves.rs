//! A family's whole address space as prefixes in address order, equal neighbours merged.

/// The word for a leaf: entry (24 bits), prefix length (8 bits, at most 128).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf(pub u32);

impl Leaf {
    /// A leaf of this entry and length.
    #[must_use]
    pub const fn new(entry: u32, length: u8) -> Self {
        Self(entry << 8 | length as u32)
    }

    /// The number of its row.
    #[must_use]
    pub const fn entry(self) -> u32 {
        self.0 >> 8
    }

    /// Its prefix length.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.0 as u8
    }
}

/// Leaves in address order, wherever they lie.
pub trait LeafSource: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// One of them; None past the last.
    fn leaf(&self, at: usize) -> Option<Leaf>;
}

impl LeafSource for [Leaf] {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn leaf(&self, at: usize) -> Option<Leaf> {
        self.get(at).copied()
    }
}

/// As they are kept: their words, little-endian.
impl LeafSource for [[u8; 4]] {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn leaf(&self, at: usize) -> Option<Leaf> {
        self.get(at).map(|octets| Leaf(u32::from_le_bytes(*octets)))
    }
}

/// Leaves so far, and where the next one begins.
///
/// Invariant: no two neighbours that are the halves of one prefix have the same entry.
pub struct Leaves {
    leaves: Vec<Leaf>,
    /// Left-aligned; 0 again when the space is full.
    end: u128,
}

impl Leaves {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            leaves: Vec::new(),
            end: 0,
        }
    }

    /// Append a prefix that begins where the last one ended.
    #[inline]
    pub fn push(&mut self, entry: u32, length: u8) {
        let (mut length, mut bit, mut start) = (length, unit(length), self.end);
        self.end = start.wrapping_add(bit);
        // While it is the upper half of a prefix whose lower half has the same entry.
        while start & bit != 0 && self.leaves.last() == Some(&Leaf::new(entry, length)) {
            self.leaves.pop();
            start ^= bit;
            length = length.saturating_sub(1);
            bit = unit(length);
        }
        self.leaves.push(Leaf::new(entry, length));
    }

    /// Append what was gathered apart, which fills one prefix, for the space that follows.
    pub fn append(&mut self, following: &Self) {
        match *following.leaves.as_slice() {
            [leaf] => self.push(leaf.entry(), leaf.length()),
            // Each lies in one half of that prefix, so that none is the upper half of what stands before.
            _ => {
                self.leaves.extend_from_slice(&following.leaves);
                self.end = self.end.wrapping_add(following.end);
            }
        }
    }

    /// The leaves in address order.
    #[must_use]
    pub fn as_slice(&self) -> &[Leaf] {
        &self.leaves
    }
}

impl Default for Leaves {
    fn default() -> Self {
        Self::new()
    }
}

/// How many addresses a prefix of this length has, left-aligned; 0 for all there are.
#[must_use]
#[inline]
pub const fn unit(length: u8) -> u128 {
    // Shifted by whole words and by the bits within one: of 128 bits at once is slower.
    let place = 128 - if length > 128 { 128 } else { length };
    let word = 1_u64 << (place & 63);
    match place >> 6 {
        0 => word as u128,
        1 => (word as u128) << 64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::geo::draws::mix;

    fn merged(parts: &[(u32, u8)]) -> Vec<(u32, u8)> {
        let mut leaves = Leaves::new();
        for (entry, length) in parts {
            leaves.push(*entry, *length);
        }
        leaves
            .as_slice()
            .iter()
            .map(|leaf| (leaf.entry(), leaf.length()))
            .collect()
    }

    #[test]
    fn halves_of_one_prefix_merge_all_the_way_up() {
        assert_eq!(merged(&[(5, 2), (5, 2), (5, 1)]), [(5, 0)]);
        assert_eq!(
            merged(&[(5, 2), (4, 3), (4, 3), (5, 1)]),
            [(5, 2), (4, 2), (5, 1)]
        );
    }

    #[test]
    fn what_was_gathered_apart_is_as_if_it_was_gathered_at_once() {
        for seed in 0..200_u64 {
            let drawn = |n: u64, below: u64| mix(seed << 32 | n) % below;
            // Four prefixes of two bits, each cut into one, two or four leaves of few entries.
            let (mut whole, mut joined) = (Leaves::new(), Leaves::new());
            for quarter in 0..4 {
                let mut part = Leaves::new();
                let cut = drawn(quarter, 3);
                for n in 0..1 << cut {
                    let (entry, length) = (drawn(16 + 4 * quarter + n, 2) as u32, 2 + cut as u8);
                    whole.push(entry, length);
                    part.push(entry, length);
                }
                joined.append(&part);
            }
            assert_eq!(joined.as_slice(), whole.as_slice(), "seed {seed}");
            assert_eq!(joined.end, whole.end);
        }
    }

    #[test]
    fn equal_neighbours_of_different_prefixes_stay_apart() {
        assert_eq!(
            merged(&[(1, 2), (2, 2), (2, 2), (1, 2)]),
            [(1, 2), (2, 2), (2, 2), (1, 2)]
        );
    }
}
