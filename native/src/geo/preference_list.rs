//! Regions in order of preference, as a row of the map keeps them.

use super::preference_table::PreferenceTable;
use std::fmt;

/// Indices of a service's regions, best first.
///
/// Those that nearly every answer comes from lie near. The others lie apart, and are waited for
/// where they are read; or they are worked out by who comes so far.
#[derive(Clone, Copy, Default)]
pub struct PreferenceList<'a> {
    near: &'a [u8],
    far: &'a [u8],
    /// The table, and its row, that tells the others.
    derived: Option<(&'a PreferenceTable, u32)>,
    count: usize,
}

impl<'a> PreferenceList<'a> {
    /// All of `near`, then all of `far`; `near` is empty only where both are.
    #[must_use]
    #[inline]
    pub const fn new(near: &'a [u8], far: &'a [u8]) -> Self {
        Self {
            near,
            far,
            derived: None,
            count: near.len() + far.len(),
        }
    }

    /// All of `near`, then what the row `entry` of a table has behind it, `count` together.
    #[must_use]
    #[inline]
    pub const fn derived(
        near: &'a [u8],
        table: &'a PreferenceTable,
        entry: u32,
        count: usize,
    ) -> Self {
        Self {
            near,
            far: &[],
            derived: Some((table, entry)),
            count,
        }
    }

    /// The first choice; None where no region is allowed.
    #[must_use]
    #[inline]
    pub fn first(self) -> Option<u8> {
        self.near.first().copied()
    }

    /// How many regions there are.
    #[must_use]
    #[inline]
    pub const fn count(self) -> usize {
        self.count
    }

    /// The regions, best first.
    #[inline]
    pub fn iter(self) -> Preferred<'a> {
        Preferred {
            lying: self.near.iter().chain(self.far),
            derived: self.derived,
            made: Vec::new().into_iter(),
        }
    }
}

/// The regions of a list, best first. It takes memory only where some have to be worked out.
pub struct Preferred<'a> {
    lying: std::iter::Chain<std::slice::Iter<'a, u8>, std::slice::Iter<'a, u8>>,
    derived: Option<(&'a PreferenceTable, u32)>,
    made: std::vec::IntoIter<u8>,
}

impl Preferred<'_> {
    #[cold]
    fn beyond(&mut self) -> Option<u8> {
        if let Some((table, entry)) = self.derived.take() {
            self.made = table.beyond_near(entry).into_iter();
        }
        self.made.next()
    }
}

impl Iterator for Preferred<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        match self.lying.next() {
            Some(region) => Some(*region),
            None if self.derived.is_none() && self.made.as_slice().is_empty() => None,
            None => self.beyond(),
        }
    }
}

impl PartialEq for PreferenceList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PreferenceList<'_> {}

impl fmt::Debug for PreferenceList<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is_parted_makes_no_difference() {
        let (whole, parted) = (
            PreferenceList::new(&[3, 1, 2], &[]),
            PreferenceList::new(&[3], &[1, 2]),
        );
        assert_eq!(whole, parted);
        assert_eq!((whole.first(), whole.count()), (Some(3), 3));
        assert_eq!((parted.first(), parted.count()), (Some(3), 3));
        assert_ne!(whole, PreferenceList::new(&[3, 1], &[]));
        assert_eq!(PreferenceList::default().first(), None);
    }
}
