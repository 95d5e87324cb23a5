//! Entries of the map as rows of octets: the rule that holds, and regions, best first.
//!
//! A row is `rule (u16) · count (u8) · regions (u8 each)`, padded so that none crosses more
//! cache lines than it needs; equal rows are kept once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// How many rows a leaf can name.
pub const MOST: usize = 1 << 24;

const HEAD: usize = 3;
const LINE: usize = 64;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The number of the rule set that holds: 0, or that of one pin.
    pub rule: u32,
    /// Indices of regions, best first.
    pub order: &'a [u8],
}

/// The rows in one piece of memory.
pub struct Rows {
    octets: Vec<u8>,
    /// Octets before the first row, so that rows begin where cache lines do.
    lead: usize,
    stride: usize,
}

impl Rows {
    /// The row of an entry; one that allows nothing where there is no such entry.
    #[must_use]
    #[inline]
    pub fn get(&self, entry: u32) -> Row<'_> {
        let start = self.lead + entry as usize * self.stride;
        let row = self.octets.get(start..).and_then(|row| {
            let (head, order) = row.split_first_chunk::<HEAD>()?;
            let [low, high, count] = *head;
            Some(Row {
                rule: u32::from(u16::from_le_bytes([low, high])),
                order: order.get(..usize::from(count))?,
            })
        });
        row.unwrap_or(Row {
            rule: 0,
            order: &[],
        })
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        (self.octets.len() - self.lead) / self.stride
    }

    /// Octets that they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.octets.len()
    }
}

/// Gathers rows and gives equal ones the same number.
pub struct RowsBuilder {
    packed: Vec<u8>,
    stride: usize,
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<Fold>>,
}

impl RowsBuilder {
    /// For lists of up to `regions` regions.
    #[must_use]
    pub fn new(regions: usize) -> Self {
        let least = HEAD + regions;
        let stride = if least < LINE {
            least.next_power_of_two()
        } else {
            least.next_multiple_of(LINE)
        };
        Self {
            packed: Vec::new(),
            stride,
            numbers: HashMap::default(),
        }
    }

    /// The number of this row. None where there are too many, or it is too long.
    pub fn add(&mut self, rule: u16, order: &[u8]) -> Option<u32> {
        let [low, high] = rule.to_le_bytes();
        let mut row = Vec::with_capacity(self.stride);
        row.extend([low, high, u8::try_from(order.len()).ok()?]);
        row.extend(order);
        if row.len() > self.stride {
            return None;
        }
        row.resize(self.stride, 0);
        if let Some(&known) = self.numbers.get(row.as_slice()) {
            return Some(known);
        }
        let number = self.numbers.len();
        if number >= MOST {
            return None;
        }
        self.packed.extend(&row);
        self.numbers.insert(row.into_boxed_slice(), number as u32);
        Some(number as u32)
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> Rows {
        let mut octets: Vec<u8> = Vec::with_capacity(self.packed.len() + LINE);
        let lead = octets.as_ptr().align_offset(LINE).min(LINE);
        octets.resize(lead, 0);
        octets.extend(&self.packed);
        Rows {
            octets,
            lead,
            stride: self.stride,
        }
    }
}

/// A quick hash; what is hashed is made here and by nobody who would make it collide.
#[derive(Default)]
pub struct Fold(u64);

impl Hasher for Fold {
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
        let mut builder = RowsBuilder::new(200);
        let long: Vec<u8> = (0..200).collect();
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(7, &[1, 2]), Some(1));
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(0, &[0; 255]), None);
        let rows = builder.finish();
        assert_eq!(rows.count(), 2);
        assert_eq!((rows.get(0).rule, rows.get(0).order), (0, long.as_slice()));
        assert_eq!(
            (rows.get(1).rule, rows.get(1).order),
            (7, [1, 2].as_slice())
        );
        assert_eq!(rows.get(2).order, []);
    }
}
