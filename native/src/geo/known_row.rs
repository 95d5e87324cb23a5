//! Rows of the map's table by which equal ones are known.

use super::draws::mix;
use super::folded_hash::fold;
use super::preference_table::NEAR;
use std::hash::Hasher;

/// What nearly every answer reads of a row. It crosses no cache line.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(super) struct Head {
    pub(super) rule: u16,
    pub(super) count: u8,
    pub(super) drawn: u8,
    pub(super) near: [u8; NEAR],
}

impl Head {
    pub(super) fn word(self) -> u128 {
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
    pub(super) head: Head,
    pub(super) rest: u128,
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

/// 128 bits that stand for some regions. Rows that it confuses would have the same rule and the same
/// near regions, and differ in the order of the farther ones alone.
fn digest(regions: &[u8]) -> u128 {
    // Of two equal octets, which no eight regions have, so that none makes a product of nothing.
    const SECRETS: [u64; 2] = [0x9e37_79b9_7f4a_9e15, 0x2545_f491_4f6c_2545];
    let [p, q] = SECRETS;
    let (mut one, mut other) = (regions.len() as u64, q);
    let mut take = |pair: &[u8; 16]| {
        let pair = u128::from_le_bytes(*pair);
        let (a, b) = (pair as u64, (pair >> 64) as u64);
        (one, other) = (fold(one ^ a, p ^ b), fold(other ^ b, q ^ a));
    };
    let (pairs, rest) = regions.as_chunks::<16>();
    pairs.iter().for_each(&mut take);
    let mut last = [0; 16];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    take(&last);
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
    use std::collections::HashSet;

    #[test]
    fn rows_that_differ_behind_their_heads_are_told_apart() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let mut known = HashSet::new();
        for count in NEAR..=usize::from(u8::MAX) {
            let row = KnownRow::of(0, &all[..count], 0).unwrap();
            assert!(known.insert(row.rest), "{count} regions");
        }
        for one in NEAR..all.len() - 1 {
            for other in one + 1..all.len() - 1 {
                let mut order = all[..usize::from(u8::MAX)].to_vec();
                order.swap(one, other);
                let row = KnownRow::of(0, &order, 0).unwrap();
                assert!(known.insert(row.rest), "{one} and {other}");
            }
        }
    }
}
