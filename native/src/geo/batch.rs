//! Leaves that the clients of a batch came to, so that none is looked up twice.
//!
//! A batch is looked up side by side before it is answered ([`super::ClientMap::prefetch`]). A leaf is known by
//! its map's number, which no other map has, and by the address; so whatever was found before, of
//! whatever batch, is right, and only saves time.

use super::leaves::Leaf;
use super::map::PREFETCH;
use crate::wire::prefix::{Family, Prefix};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that no other map has.
#[must_use]
pub fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// What was found of one batch, in its order.
pub struct Batch {
    /// The map's number.
    map: u64,
    found: [(Family, u128, Leaf); PREFETCH],
    count: usize,
    /// The client looked up last: answers are made in the order of the batch.
    last: usize,
}

impl Batch {
    /// Of no map yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            map: 0,
            found: [(Family::V4, 0, Leaf::new(0, 0)); PREFETCH],
            count: 0,
            last: 0,
        }
    }

    /// Begin with a batch of the map of this number.
    pub const fn begin(&mut self, map: u64) {
        (self.map, self.count, self.last) = (map, 0, 0);
    }

    /// Add the leaf around the first address of a prefix; of more than [`PREFETCH`] the rest is left.
    #[inline]
    pub fn add(&mut self, prefix: Prefix, leaf: Leaf) {
        if let Some(slot) = self.found.get_mut(self.count) {
            *slot = (prefix.family, prefix.address, leaf);
            self.count += 1;
        }
    }

    /// The leaf around the first address of a prefix in the map of this number, if it was found. Where it
    /// was not, the batch is over.
    #[inline]
    pub fn leaf(&mut self, map: u64, prefix: Prefix) -> Option<Leaf> {
        if self.map != map {
            return None;
        }
        let rest = self.found.get(self.last..self.count)?;
        let known = |(family, address, _): &(Family, u128, Leaf)| {
            (*address, *family) == (prefix.address, prefix.family)
        };
        let Some(at) = rest.iter().position(known) else {
            self.count = 0;
            self.last = 0;
            return None;
        };
        self.last += at;
        rest.get(at).map(|(_, _, leaf)| *leaf)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Prefix {
        Prefix::host_v4([192, 0, 2, number])
    }

    #[test]
    fn leaves_are_known_by_map_family_and_address() {
        let (map, other) = (next_number(), next_number());
        let mut batch = Batch::new();
        batch.begin(map);
        for number in 0..5 {
            batch.add(client(number), Leaf::new(number.into(), 24));
        }
        assert_eq!(batch.leaf(other, client(0)), None);
        // Clients may be left out, and be asked for again.
        for number in [0, 2, 2, 3] {
            let expected = Some(Leaf::new(number.into(), 24));
            assert_eq!(batch.leaf(map, client(number)), expected);
        }
        let same_octets = Prefix::new(Family::V6, client(4).address, 32);
        assert_eq!(batch.leaf(map, same_octets), None);
        assert_eq!(batch.leaf(map, client(4)), None, "the batch is over");
    }

    #[test]
    fn of_a_longer_batch_the_first_are_known() {
        let map = next_number();
        let mut batch = Batch::new();
        batch.begin(map);
        for number in 0..=PREFETCH as u8 {
            batch.add(client(number), Leaf::new(0, number));
        }
        let last = PREFETCH as u8;
        assert_eq!(
            batch.leaf(map, client(last - 1)),
            Some(Leaf::new(0, last - 1))
        );
        assert_eq!(batch.leaf(map, client(last)), None);
    }
}
