//! Where the paths of a database's tree end, kept from one compilation for the next ones.
//!
//! Maps of several geographies over one database are compiled by the same walk, whose steps wait for memory.
//! What it comes to takes four octets a path, and is read in order.

use super::leaves::Leaf;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A prefix: the bits of its family's addresses, its address and length.
pub type Under = (u8, u128, u8);

/// Paths below prefixes, of one place index; none are kept before somebody wants them.
#[derive(Default)]
pub struct KnownPaths {
    wanted: AtomicBool,
    found: Mutex<HashMap<Under, Arc<[Leaf]>>>,
}

/// The paths below one prefix while they are gathered, in order.
pub struct Gathered(Option<Vec<Leaf>>);

impl KnownPaths {
    /// Keep them from now on: several maps are to be compiled.
    pub fn keep(&self) {
        self.wanted.store(true, Relaxed);
    }

    /// The paths below a prefix, as [`Gathered::path`] reads them; None where they are not known.
    #[must_use]
    pub fn below(&self, under: Under) -> Option<Arc<[Leaf]>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(&under).cloned()
    }

    /// What gathers paths, where they are wanted.
    #[must_use]
    pub fn gather(&self) -> Gathered {
        Gathered(self.wanted.load(Relaxed).then(Vec::new))
    }

    /// Keep what was gathered below a prefix.
    pub fn put(&self, under: Under, gathered: Gathered) {
        if let Some(paths) = gathered.0 {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(under, paths.into());
        }
    }
}

impl Gathered {
    /// Add a path that ends at a data record of this rank, or at none.
    #[inline]
    pub fn add(&mut self, rank: Option<u32>, length: u8) {
        if let Some(paths) = &mut self.0 {
            match rank.map_or(Some(0), |rank| rank.checked_add(1)) {
                Some(word) if word >> 24 == 0 => paths.push(Leaf::new(word, length)),
                // A leaf has no room for it.
                _ => self.0 = None,
            }
        }
    }

    /// The rank and the length of a path.
    #[must_use]
    #[inline]
    pub const fn path(leaf: Leaf) -> (Option<u32>, u8) {
        (leaf.entry().checked_sub(1), leaf.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDER: Under = (32, 10 << 120, 10);

    #[test]
    fn paths_are_kept_once_they_are_wanted() {
        let known = KnownPaths::default();
        let mut gathered = known.gather();
        gathered.add(Some(1), 12);
        known.put(UNDER, gathered);
        assert!(known.below(UNDER).is_none());
        known.keep();
        let mut gathered = known.gather();
        let paths = [(Some(0), 11), (None, 12), (Some((1 << 24) - 2), 128)];
        for (rank, length) in paths {
            gathered.add(rank, length);
        }
        known.put(UNDER, gathered);
        let found = known.below(UNDER).unwrap();
        assert!(found.iter().copied().map(Gathered::path).eq(paths));
        assert!(known.below((32, 10 << 120, 11)).is_none());
    }

    #[test]
    fn of_more_records_than_a_leaf_can_name_no_path_is_kept() {
        for rank in [(1 << 24) - 1, u32::MAX] {
            let known = KnownPaths::default();
            known.keep();
            let mut gathered = known.gather();
            gathered.add(Some(rank), 12);
            gathered.add(Some(1), 12);
            known.put(UNDER, gathered);
            assert!(known.below(UNDER).is_none());
        }
    }
}
