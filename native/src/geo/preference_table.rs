//! Entries of the map as table: the rule that holds, and regions, best first.
//!
//! A row's head is `rule (u16) · count (u8) · drawn (u8) · the first regions (u8 each)`; what does not fit into
//! it stands apart. A packet needs the first region that serves, which the head has as a rule, and
//! heads are small enough to stay in the cache where whole rows of many regions would not. Equal
//! rows are kept once.
//!
//! Of hundreds of regions nearly each place has an order of its own, so that whole rows would be the
//! larger part of a map. Where distance alone decides, a row therefore has the point that it is the
//! order of, and who comes to the end of its head works out the rest ([`Farther`]).

use super::fence::Fence;
use super::preference_list::PreferenceList;
use super::ranking::{Nearest, RankingScratch, mix};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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

/// What nearly every answer reads of a row. It crosses no cache line.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Head {
    rule: u16,
    count: u8,
    drawn: u8,
    near: [u8; NEAR],
}

impl Head {
    fn word(self) -> u128 {
        let [a, b] = self.rule.to_le_bytes();
        let mut octets = [0; 16];
        for (to, from) in octets
            .iter_mut()
            .zip([a, b, self.count, self.drawn].into_iter().chain(self.near))
        {
            *to = from;
        }
        u128::from_le_bytes(octets)
    }
}

/// A row by which it is known: its head, and 128 bits that stand for what is not in that.
#[derive(Clone, Copy)]
pub struct KnownRow {
    head: Head,
    rest: u128,
}

impl KnownRow {
    /// The row of these. None where there are too many regions.
    #[must_use]
    pub fn of(rule: u16, preference: &[u8], drawn: u8) -> Option<Self> {
        let count = u8::try_from(preference.len()).ok()?;
        let mut near = [0; NEAR];
        for (to, from) in near.iter_mut().zip(preference) {
            *to = *from;
        }
        Some(Self {
            head: Head {
                rule,
                count,
                drawn,
                near,
            },
            rest: digest(preference.get(NEAR..).unwrap_or_default()),
        })
    }

    /// The same of so many regions, of which those in its head are known.
    #[must_use]
    pub const fn with_count(mut self, count: u8) -> Self {
        self.head.count = count;
        self
    }

    /// How many regions it has.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.head.count as usize
    }
}

/// Where a row has the regions for which its head has no room.
#[derive(Clone, Copy)]
pub enum Rest<'a> {
    /// Here.
    Kept(&'a [u8]),
    /// In the order of distance from a point, inside the fence of its rule.
    From(Point),
}

/// What orders regions from a point, and which of them a rule allows.
#[derive(Default)]
pub struct Farther {
    nearest: Nearest,
    /// By rule less one.
    fences: Box<[Fence]>,
}

impl Farther {
    /// Of these regions and pins.
    #[must_use]
    pub fn new(nearest: Nearest, pins: &[Fence]) -> Self {
        Self {
            nearest,
            fences: pins.into(),
        }
    }

    fn beyond_near(&self, rule: u16, point: Point) -> Vec<u8> {
        let mut ranked = RankingScratch::default();
        self.nearest.order(point, &mut ranked);
        let fence = (usize::from(rule).checked_sub(1)).and_then(|pin| self.fences.get(pin));
        let allowed = |region: &u8| fence.is_none_or(|fence| fence.holds(*region));
        ranked
            .order
            .into_iter()
            .filter(allowed)
            .skip(NEAR)
            .collect()
    }
}

/// Marks a place in `points`, where others are in `far`.
const FROM: u32 = 1 << 31;

/// The table: heads, and what they have no room for.
#[derive(Default)]
pub struct PreferenceTable {
    heads: Box<[Head]>,
    /// By row, where any has more regions than its head: the place of the rest.
    rests: Box<[u32]>,
    far: Box<[u8]>,
    points: Box<[Point]>,
    farther: Farther,
}

impl PreferenceTable {
    /// The row of an entry; one that allows nothing where there is no such entry.
    #[must_use]
    #[inline]
    pub fn get(&self, entry: u32) -> Row<'_> {
        let Some(head) = self.heads.get(entry as usize) else {
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
        let at = self.rests.get(entry as usize).copied().unwrap_or(0);
        if at & FROM != 0 {
            let point = self.points.get((at & !FROM) as usize);
            return Rest::From(point.copied().unwrap_or_default());
        }
        let count = (self.heads.get(entry as usize)).map_or(0, |head| usize::from(head.count));
        let far = (at as usize)..(at as usize + count.saturating_sub(NEAR));
        Rest::Kept(self.far.get(far).unwrap_or_default())
    }

    /// The regions of a row for which its head has no room, worked out where they are not kept.
    #[must_use]
    pub fn beyond_near(&self, entry: u32) -> Vec<u8> {
        match (self.rest(entry), self.heads.get(entry as usize)) {
            (Rest::From(point), Some(head)) => self.farther.beyond_near(head.rule, point),
            (Rest::Kept(far), _) => far.to_vec(),
            (Rest::From(_), None) => Vec::new(),
        }
    }

    /// The regions in a row's head.
    #[must_use]
    pub fn near(&self, entry: u32) -> &[u8] {
        let head = self.heads.get(entry as usize);
        head.map_or(&[], |head| {
            let count = usize::from(head.count).min(NEAR);
            head.near.get(..count).unwrap_or_default()
        })
    }

    /// How many rows there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.heads.len()
    }

    /// Octets that they take.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of_val(&*self.heads)
            + size_of_val(&*self.rests)
            + self.far.len()
            + size_of_val(&*self.points)
    }

    #[inline]
    fn long<'a>(&'a self, entry: u32, head: &'a Head) -> PreferenceList<'a> {
        let at = self.rests.get(entry as usize).copied().unwrap_or(0);
        let count = usize::from(head.count);
        if at & FROM != 0 {
            return PreferenceList::derived(&head.near, self, entry, count);
        }
        let far = (self.far).get(at as usize..at as usize + (count - NEAR));
        PreferenceList::new(&head.near, far.unwrap_or_default())
    }
}

/// Gathers rows and gives equal ones the same number.
#[derive(Default)]
pub struct PreferenceTableBuilder {
    heads: Vec<Head>,
    rests: Vec<u32>,
    far: Vec<u8>,
    points: Vec<Point>,
    farther: Farther,
    numbers: HashMap<(u128, u128), u32, BuildHasherDefault<WordHasher>>,
}

impl PreferenceTableBuilder {
    /// For rows whose farther regions are worked out so.
    #[must_use]
    pub fn with(farther: Farther) -> Self {
        Self {
            farther,
            ..Self::default()
        }
    }

    /// The number of this row. None where there are too many, or it is too long.
    pub fn add(&mut self, rule: u16, preference: &[u8]) -> Option<u32> {
        self.add_drawn(rule, preference, 0)
    }

    /// The number of this row, of which the first `drawn` regions are ordered by block.
    pub fn add_drawn(&mut self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let rest = Rest::Kept(preference.get(NEAR..).unwrap_or_default());
        self.add_known(KnownRow::of(rule, preference, drawn)?, rest)
    }

    /// The number of a row that is known by its regions and has the rest of them so.
    pub fn add_known(&mut self, row: KnownRow, rest: Rest<'_>) -> Option<u32> {
        let known = (row.head.word(), row.rest);
        if let Some(&number) = self.numbers.get(&known) {
            return Some(number);
        }
        let number = self.push(row, rest)?;
        self.numbers.insert(known, number);
        Some(number)
    }

    /// The number of a row that is put behind the others, whether one is equal or not.
    pub fn push(&mut self, row: KnownRow, rest: Rest<'_>) -> Option<u32> {
        let number = self.heads.len();
        if number >= MAX_ROWS {
            return None;
        }
        if row.count() > NEAR {
            let place = match rest {
                Rest::Kept(far) => {
                    self.far.extend(far);
                    self.far.len() - far.len()
                }
                Rest::From(point) => {
                    self.points.push(point);
                    (self.points.len() - 1) | FROM as usize
                }
            };
            // Of the rows before, none has more than its head.
            self.rests.resize(number, 0);
            self.rests.push(u32::try_from(place).ok()?);
        }
        self.heads.push(row.head);
        Some(number as u32)
    }

    /// The number of this row, if it is there.
    #[must_use]
    pub fn number_of(&self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let row = KnownRow::of(rule, preference, drawn)?;
        self.numbers.get(&(row.head.word(), row.rest)).copied()
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> PreferenceTable {
        PreferenceTable {
            heads: self.heads.into(),
            rests: self.rests.into(),
            far: self.far.into(),
            points: self.points.into(),
            farther: self.farther,
        }
    }
}

/// 128 bits that stand for some regions. Rows that it confuses would have the same rule and the same
/// near regions, and differ in the order of the farther ones alone.
fn digest(regions: &[u8]) -> u128 {
    let (mut one, mut other) = (regions.len() as u64, 0x2545_f491_4f6c_dd1d_u64);
    let (words, rest) = regions.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        one = mix(one ^ word);
        other = (other.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    u128::from(one) << 64 | u128::from(mix(other))
}

/// A quick hash; what is hashed is made here and by nobody who would make it collide.
#[derive(Default)]
pub struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::ranking::Region;

    #[test]
    fn equal_rows_are_kept_once_and_read_back() {
        let mut builder = PreferenceTableBuilder::default();
        let long: Vec<u8> = (0..200).collect();
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(7, &[1, 2]), Some(1));
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(0, &[0; 256]), None);
        assert_eq!(builder.add_drawn(7, &[1, 2], 2), Some(2));
        let table = builder.finish();
        assert_eq!(table.count(), 3);
        assert_eq!((table.get(1).drawn, table.get(2).drawn), (0, 2));
        let whole = |preference| PreferenceList::new(preference, &[]);
        assert_eq!(
            (table.get(0).rule, table.get(0).preference),
            (0, whole(&long))
        );
        assert_eq!(
            (table.get(1).rule, table.get(1).preference),
            (7, whole(&[1, 2]))
        );
        assert_eq!(table.get(3).preference, PreferenceList::default());
    }

    #[test]
    fn farther_regions_are_worked_out_as_they_would_be_kept() {
        let regions: Vec<Region> = (0..200_u8)
            .map(|n| Region {
                latitude: f64::from(n % 60) - 30.0,
                longitude: f64::from(n) * 1.7 - 170.0,
                weight: 1.0,
                seed: 0,
            })
            .collect();
        let nearest = || Nearest::new(&regions);
        let fence = (0..200).step_by(3).fold(Fence::NONE, Fence::with);
        let mut builder = PreferenceTableBuilder::with(Farther::new(nearest(), &[fence]));
        let mut ranked = RankingScratch::default();
        let mut expected = Vec::new();
        for number in 0..40_i32 {
            let point = (f64::from(number * 3 - 60), f64::from(number * 7 - 140));
            nearest().order(point, &mut ranked);
            let rule = (number % 2) as u16;
            let holds = |region: &u8| rule == 0 || fence.holds(*region);
            let list: Vec<u8> = ranked.order.iter().copied().filter(holds).collect();
            let row = KnownRow::of(rule, &list, 0).unwrap();
            let entry = builder.add_known(row, Rest::From(point)).unwrap();
            assert_eq!(builder.add_drawn(rule, &list, 0), Some(entry));
            expected.push((entry, list));
        }
        let table = builder.finish();
        for (entry, list) in expected {
            let preference = table.get(entry).preference;
            assert_eq!(preference.iter().collect::<Vec<_>>(), list);
            assert_eq!(preference.count(), list.len());
            assert_eq!(preference, PreferenceList::new(&list, &[]));
        }
    }

    #[test]
    fn rows_of_every_length_are_read_back() {
        let regions: Vec<u8> = (0..=255).rev().take(40).collect();
        let mut builder = PreferenceTableBuilder::default();
        let lists = || (0..=regions.len()).filter_map(|count| regions.get(..count));
        for list in lists() {
            assert!(builder.add(9, list).is_some());
        }
        let table = builder.finish();
        for (entry, list) in (0..).zip(lists()) {
            let row = table.get(entry);
            assert_eq!(row.preference.iter().collect::<Vec<_>>(), list);
            assert_eq!(
                (row.rule, row.preference.first()),
                (9, list.first().copied())
            );
        }
    }
}
