//! Entries of the map as table: the rule that holds, and regions, best first.
//!
//! A row's head is `rule (u16) · count (u8) · drawn (u8) · the first regions (u8 each)`; what does not fit into
//! it stands apart. A packet needs the first region that serves, which the head has as a rule, and
//! heads are small enough to stay in the cache where whole rows of many regions would not. Equal
//! rows are kept once.

use super::preference_list::PreferenceList;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// How many rows a leaf can name: its entry has 24 bits.
pub const MAX_ROWS: usize = 1 << 24;

/// Octets of rule, count and drawn.
const FIXED: usize = 4;
/// Regions in a head.
const NEAR: usize = 12;

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

/// The table: heads, and what they have no room for.
pub struct PreferenceTable {
    heads: Box<[Head]>,
    far: Box<[u8]>,
    /// Octets of `far` that each row has.
    stride: usize,
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
            None => {
                let start = entry as usize * self.stride;
                let far = self.far.get(start..start + (count - NEAR));
                PreferenceList::new(&head.near, far.unwrap_or_default())
            }
        };
        Row {
            rule: u32::from(head.rule),
            preference,
            drawn: head.drawn,
        }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.heads.len()
    }

    /// Octets that they take.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of_val(&*self.heads) + self.far.len()
    }
}

/// Gathers rows and gives equal ones the same number.
pub struct PreferenceTableBuilder {
    heads: Vec<Head>,
    far: Vec<u8>,
    stride: usize,
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<WordHasher>>,
}

impl PreferenceTableBuilder {
    /// For lists of up to `regions` regions.
    #[must_use]
    pub fn new(regions: usize) -> Self {
        Self {
            heads: Vec::new(),
            far: Vec::new(),
            stride: regions.saturating_sub(NEAR),
            numbers: HashMap::default(),
        }
    }

    /// The number of this row. None where there are too many, or it is too long.
    pub fn add(&mut self, rule: u16, preference: &[u8]) -> Option<u32> {
        self.add_drawn(rule, preference, 0)
    }

    /// The number of this row, of which the first `drawn` regions are ordered by block.
    pub fn add_drawn(&mut self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let count = u8::try_from(preference.len()).ok()?;
        if preference.len() > NEAR + self.stride {
            return None;
        }
        let row = keyed(rule, count, drawn, preference);
        if let Some(&known) = self.numbers.get(row.as_slice()) {
            return Some(known);
        }
        let number = self.numbers.len();
        if number >= MAX_ROWS {
            return None;
        }
        let mut near = [0; NEAR];
        for (to, from) in near.iter_mut().zip(preference) {
            *to = *from;
        }
        self.heads.push(Head {
            rule,
            count,
            drawn,
            near,
        });
        self.far.extend(preference.iter().skip(NEAR));
        self.far.resize(self.heads.len() * self.stride, 0);
        self.numbers.insert(row.into_boxed_slice(), number as u32);
        Some(number as u32)
    }

    /// The number of this row, if it is there.
    #[must_use]
    pub fn number_of(&self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let count = u8::try_from(preference.len()).ok()?;
        let row = keyed(rule, count, drawn, preference);
        self.numbers.get(row.as_slice()).copied()
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> PreferenceTable {
        PreferenceTable {
            heads: self.heads.into(),
            far: self.far.into(),
            stride: self.stride,
        }
    }
}

/// The octets by which a row is known.
fn keyed(rule: u16, count: u8, drawn: u8, preference: &[u8]) -> Vec<u8> {
    let [low, high] = rule.to_le_bytes();
    let mut row = Vec::with_capacity(FIXED + preference.len());
    row.extend([low, high, count, drawn]);
    row.extend(preference);
    row
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

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_kept_once_and_read_back() {
        let mut builder = PreferenceTableBuilder::new(200);
        let long: Vec<u8> = (0..200).collect();
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(7, &[1, 2]), Some(1));
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(0, &[0; 255]), None);
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
    fn rows_of_every_length_are_read_back() {
        let regions: Vec<u8> = (0..=255).rev().take(40).collect();
        let mut builder = PreferenceTableBuilder::new(regions.len());
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
