//! Entries of the map as table: the rule that holds, and regions, best first.
//!
//! A row's head is `rule (u16) · count (u8) · drawn (u8) · the first regions (u8 each)`; what does not fit into
//! it stands apart. A packet needs the first region that serves, which the head has as a rule, and
//! heads are small enough to stay in the cache where whole rows of many regions would not. Equal
//! rows are kept once, and so are equal heads: of 200 regions 200,000 places have 12,000.
//!
//! Of hundreds of regions nearly each place has an order of its own, so that whole rows would be the
//! larger part of a map. Where distance alone decides, a row therefore has the point that it is the
//! order of, and who comes to the end of its head works out the rest ([`Farther`]).

use super::farther::Farther;
use super::known_row::Head;
use super::points::Points;
use super::preference_list::PreferenceList;

/// How many rows a leaf can name: its entry has 24 bits.
pub const MAX_ROWS: usize = 1 << 24;

/// Regions in a head.
pub const NEAR: usize = 12;

/// Degrees north and east.
pub type Point = (f64, f64);

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The number of the rule set that holds: 0, or that of one pin.
    pub rule: u32,
    /// Indices of regions, best first.
    pub preference: PreferenceList<'a>,
    /// How many of the first a client's block puts into an order of its own; 0 for none.
    pub drawn: u8,
}

/// Where a row has the regions for which its head has no room.
#[derive(Clone, Copy)]
pub enum Rest<'a> {
    /// Here.
    Kept(&'a [u8]),
    /// In the order of distance from a point, inside the fence of its rule.
    From(Point),
}

/// Marks a row whose point is in `points`, where the rest of others is in `far`.
pub(super) const FROM: u32 = 1 << 31;

/// The table: heads, and what they have no room for.
#[derive(Default)]
pub struct PreferenceTable {
    /// By row: its head's number, and [`FROM`].
    pub(super) rows: Box<[u32]>,
    pub(super) heads: Box<[Head]>,
    /// By row, where any before the first with a point keeps more regions than its head: the place of the rest.
    pub(super) rests: Box<[u32]>,
    /// Of such rows behind that: their numbers, ascending, and the same.
    pub(super) later_rests: Box<[(u32, u32)]>,
    pub(super) far: Box<[u8]>,
    pub(super) points: Points,
    pub(super) farther: Farther,
}

impl PreferenceTable {
    /// The row of an entry; one that allows nothing where there is no such entry.
    #[must_use]
    #[inline]
    pub fn get(&self, entry: u32) -> Row<'_> {
        let Some(head) = self.head(entry) else {
            return Row {
                rule: 0,
                preference: PreferenceList::default(),
                drawn: 0,
            };
        };
        let count = usize::from(head.count);
        let preference = match head.near.get(..count) {
            Some(near) => PreferenceList::new(near, &[]),
            None => self.long(entry, head),
        };
        Row {
            rule: u32::from(head.rule),
            preference,
            drawn: head.drawn,
        }
    }

    /// What a row has that its head has no room for.
    #[must_use]
    pub fn rest(&self, entry: u32) -> Rest<'_> {
        if self.is_derived(entry) {
            return Rest::From(self.points.get(entry).unwrap_or_default());
        }
        let at = self.far_place(entry);
        let count = (self.head(entry)).map_or(0, |head| usize::from(head.count));
        let far = (at as usize)..(at as usize + count.saturating_sub(NEAR));
        Rest::Kept(self.far.get(far).unwrap_or_default())
    }

    /// The regions of a row for which its head has no room, worked out where they are not kept.
    #[must_use]
    pub fn beyond_near(&self, entry: u32) -> Vec<u8> {
        match (self.rest(entry), self.head(entry)) {
            (Rest::From(point), Some(head)) => self.farther.beyond_near(head.rule, point),
            (Rest::Kept(far), _) => far.to_vec(),
            (Rest::From(_), None) => Vec::new(),
        }
    }

    /// The regions in a row's head.
    #[must_use]
    pub fn near(&self, entry: u32) -> &[u8] {
        self.head(entry).map_or(&[], |head| {
            let count = usize::from(head.count).min(NEAR);
            head.near.get(..count).unwrap_or_default()
        })
    }

    /// How many rows there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.rows.len()
    }

    /// Octets that they take.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of_val(&*self.rows)
            + size_of_val(&*self.heads)
            + size_of_val(&*self.rests)
            + size_of_val(&*self.later_rests)
            + self.far.len()
            + self.points.size()
    }

    /// Where the regions of a row begin that it keeps behind its head.
    #[inline]
    fn far_place(&self, entry: u32) -> u32 {
        match self.rests.get(entry as usize) {
            Some(place) => *place,
            None => self.later_place(entry),
        }
    }

    #[cold]
    fn later_place(&self, entry: u32) -> u32 {
        let found = self
            .later_rests
            .binary_search_by_key(&entry, |(row, _)| *row);
        found.map_or(0, |at| {
            self.later_rests.get(at).map_or(0, |(_, place)| *place)
        })
    }

    /// Whether what its head has no room for is worked out.
    #[inline]
    fn is_derived(&self, entry: u32) -> bool {
        (self.rows.get(entry as usize)).is_some_and(|row| row & FROM != 0)
    }

    #[inline]
    fn head(&self, entry: u32) -> Option<&Head> {
        self.heads
            .get((self.rows.get(entry as usize)? & !FROM) as usize)
    }

    #[inline]
    fn long<'a>(&'a self, entry: u32, head: &'a Head) -> PreferenceList<'a> {
        let count = usize::from(head.count);
        if self.is_derived(entry) {
            return PreferenceList::derived(&head.near, self, entry, count);
        }
        let at = self.far_place(entry);
        let far = (self.far).get(at as usize..at as usize + (count - NEAR));
        PreferenceList::new(&head.near, far.unwrap_or_default())
    }
}
