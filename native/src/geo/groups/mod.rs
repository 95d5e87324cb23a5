//! Leaves by the group: up to 64 of one prefix, in about 11 bits each.
//!
//! Of very many leaves most of a trie would be bitmaps, and entries of four octets where neighbours
//! have few different ones. So the trie ends where at most [`MOST`] leaves are left, and finds their
//! group, in which they stand in address order:
//!
//! ```text
//!   header (a word, see [`Header`]) · rule set (a word, where there are rules)
//!   · by leaf: how much of the prefix it fills, as a logarithm of the smallest part (3 or 4 bits)
//!   · by leaf: which of the group's entries it has (as many bits as count these)
//!   · the group's entries (as many bits as the largest of the family needs)
//! ```
//!
//! Bits begin with the lowest of a word. A look-up adds up what leaves fill, from the first leaf of the
//! quarter on in which the address lies, which the header tells.

mod bits;
mod header;
mod pack;
mod saved;
#[cfg(test)]
mod swapped;

use super::fence::RuleSets;
use super::leaves::Leaf;
use bits::field;
use header::{Header, QUARTER};
pub use pack::{Packed, pack};
pub use saved::{Lying, Suited};
use std::hint::black_box;

/// Leaves of a group at most.
const MOST: usize = 64;
/// Words of one cache line.
const LINE: usize = 16;
/// How many bits longer than the group's prefix theirs are at most.
const DEEPEST: u8 = 16;

/// The groups of one family.
pub struct Groups {
    words: Box<[u32]>,
    shape: Shape,
}

/// What is the same in all groups of a family.
#[derive(Clone, Copy)]
struct Shape {
    /// Bits of an entry.
    entry: usize,
    /// Words before the bits: the header, and the rule set where there are rules.
    head: usize,
}

/// A group, read from its words.
struct Group<'g> {
    header: Header,
    /// All words from its header on, and behind them those of other groups.
    words: &'g [u32],
    shape: Shape,
}

impl Groups {
    /// The leaf of the group at `place` that an address lies in; `prefix` is the length of the group's, and
    /// `rest` the bits of the address behind it, left-aligned.
    #[must_use]
    #[inline]
    pub fn leaf(&self, place: u32, prefix: u8, rest: u128) -> Leaf {
        let Some(group) = self.group(place as usize) else {
            return Leaf::new(0, prefix);
        };
        // Its second cache line comes beside the first, rather than once that says what to read there.
        black_box(group.words.get(LINE - 1));
        let (number, deeper) = group.find((rest >> (128 - u32::from(DEEPEST))) as u32);
        Leaf::new(group.entry(number), prefix.saturating_add(deeper))
    }

    /// What a look-up in the group at `place` reads first, so that it is in the cache by then.
    #[must_use]
    #[inline]
    pub fn first_word(&self, place: u32) -> u32 {
        self.words.get(place as usize).copied().unwrap_or(0)
    }

    /// Octets that they take.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// Note in each group which rules hold in it, of groups that have room for them.
    pub fn summarise(&mut self, sets: &mut RuleSets, rule: impl Fn(u32) -> u32) {
        let mut place = 0;
        while let Some(group) = self.group(place) {
            let mut union = 0;
            for set in group.entries().map(&rule) {
                if set != union {
                    union = sets.union(union, set);
                }
            }
            let next = place + group.size();
            if let Some(rules) = self.words.get_mut(place + 1) {
                *rules = union;
            }
            place = next;
        }
    }

    /// The rule set that holds in the group at `place`, of groups that were summarised.
    #[must_use]
    pub fn rules(&self, place: u32) -> u32 {
        self.words.get(place as usize + 1).copied().unwrap_or(0)
    }

    /// Tell the entry of each leaf that a prefix inside the group at `place` has a part of: `rest` as for
    /// [`Groups::leaf`], and how many bits `longer` than the group's prefix it is.
    pub fn entries_within(&self, place: u32, rest: u128, longer: u8, mut tell: impl FnMut(u32)) {
        let Some(group) = self.group(place as usize) else {
            return;
        };
        let first = (rest >> (128 - u32::from(DEEPEST))) as u32;
        let last = first
            | ((1_u32 << DEEPEST) - 1)
                .checked_shr(longer.into())
                .unwrap_or(0);
        for number in group.find(first).0..=group.find(last).0 {
            tell(group.entry(number));
        }
    }

    #[inline]
    fn group(&self, place: usize) -> Option<Group<'_>> {
        let words = self.words.get(place..)?;
        let header = Header::read(*words.first()?)?;
        Some(Group {
            header,
            words,
            shape: self.shape,
        })
    }
}

impl Group<'_> {
    /// The number of the leaf around an address, and how many bits longer than the group's prefix its is.
    #[inline]
    fn find(&self, address: u32) -> (usize, u8) {
        let Header {
            deepest, part_bits, ..
        } = self.header;
        let mut number = self.header.first_of_quarter(address >> QUARTER);
        // What lies before the address in its quarter. A leaf that begins before fills the whole quarter.
        let mut before = (address & ((1 << QUARTER) - 1)) >> (DEEPEST - deepest);
        let mask = (1 << part_bits) - 1;
        let starts = 32 * self.shape.head;
        while number < MOST {
            let mut parts = field(self.words, starts + number * part_bits);
            // So many are in what was read.
            for _ in 0..8 {
                let part = parts & mask;
                let Some(rest) = before.checked_sub(1 << part) else {
                    return (number, deepest - part as u8);
                };
                before = rest;
                parts >>= part_bits;
                number += 1;
            }
        }
        (0, 0)
    }

    /// The entry of a leaf, by its number.
    #[inline]
    fn entry(&self, number: usize) -> u32 {
        let Header { index_bits, .. } = self.header;
        let at = self.indices() + number * index_bits;
        let index = field(self.words, at) & ((1 << index_bits) - 1);
        self.distinct(index as usize)
    }

    /// One of its different entries.
    #[inline]
    fn distinct(&self, index: usize) -> u32 {
        let first = self.indices() + self.header.count * self.header.index_bits;
        let bits = self.shape.entry;
        field(self.words, first + index * bits) as u32 & ((1 << bits) - 1)
    }

    /// The entries of all its leaves.
    fn entries(&self) -> impl Iterator<Item = u32> {
        (0..self.header.count).map(|number| self.entry(number))
    }

    /// How many words it has.
    fn size(&self) -> usize {
        let Header {
            count, index_bits, ..
        } = self.header;
        let mask = (1 << index_bits) - 1;
        let index = |number| field(self.words, self.indices() + number * index_bits) & mask;
        let different = (0..count).map(index).max().unwrap_or(0) as usize + 1;
        (self.indices() + count * index_bits + different * self.shape.entry).div_ceil(32)
    }

    /// Where the bits are that say which entry each leaf has.
    #[inline]
    fn indices(&self) -> usize {
        32 * self.shape.head + self.header.count * self.header.part_bits
    }
}
