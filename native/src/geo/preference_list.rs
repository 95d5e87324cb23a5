//! Regions in order of preference, as a row of the map keeps them.

/// Indices of a service's regions, best first.
///
/// Those that nearly every answer comes from lie near; the others lie apart, and are waited for
/// where they are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreferenceList<'a> {
    near: &'a [u8],
    far: &'a [u8],
}

impl<'a> PreferenceList<'a> {
    /// All of `near`, then all of `far`; `near` is empty only where both are.
    #[must_use]
    #[inline]
    pub const fn new(near: &'a [u8], far: &'a [u8]) -> Self {
        Self { near, far }
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
        self.near.len() + self.far.len()
    }

    /// The regions, best first.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = u8> + use<'a> {
        self.near.iter().chain(self.far).copied()
    }
}

impl PartialEq for PreferenceList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PreferenceList<'_> {}

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
