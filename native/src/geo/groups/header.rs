//! The first word of a group.

use super::{DEEPEST, MOST};

/// Bits of an address in its quarter of a group's prefix.
pub(super) const QUARTER: u32 = DEEPEST as u32 - 2;

/// What it says, from its lowest bits on: the deepest leaf less one (4 bits), leaves less one (6), the bits
/// of an index (3), the leaf at the beginning of the second, third and fourth quarter (6 each), and whether
/// parts have 4 bits instead of 3.
#[derive(Clone, Copy)]
pub(super) struct Header {
    /// How many bits longer the longest prefix of a leaf is than the group's.
    pub(super) deepest: u8,
    /// How many bits say how much a leaf fills.
    pub(super) part_bits: usize,
    /// Its leaves.
    pub(super) count: usize,
    /// How many bits say which entry a leaf has.
    pub(super) index_bits: usize,
    /// The next 18 bits.
    quarters: u32,
}

const DEEPEST_BITS: u32 = 4;
const COUNT_BITS: u32 = 6;
const INDEX_BITS: u32 = 3;
const BEFORE_QUARTERS: u32 = DEEPEST_BITS + COUNT_BITS + INDEX_BITS;

impl Header {
    /// None for the word behind all groups.
    #[inline]
    pub(super) const fn read(word: u32) -> Option<Self> {
        if word == 0 {
            return None;
        }
        let deepest = (word & ((1 << DEEPEST_BITS) - 1)) as u8 + 1;
        let index_bits = word >> (DEEPEST_BITS + COUNT_BITS) & ((1 << INDEX_BITS) - 1);
        Some(Self {
            deepest,
            part_bits: 3 + (word >> (u32::BITS - 1)) as usize,
            count: (word >> DEEPEST_BITS) as usize % MOST + 1,
            index_bits: index_bits as usize,
            quarters: word << 1 >> (BEFORE_QUARTERS + 1),
        })
    }

    /// The word of a group; `quarters` are the leaves at which its quarters begin.
    pub(super) fn word(
        deepest: u8,
        part_bits: usize,
        count: usize,
        index_bits: usize,
        quarters: [usize; 4],
    ) -> u32 {
        let [_, second, third, fourth] = quarters.map(|leaf| leaf as u32);
        let quarters = second | third << COUNT_BITS | fourth << (2 * COUNT_BITS);
        let counts = (count as u32).wrapping_sub(1) << DEEPEST_BITS;
        u32::from(deepest.saturating_sub(1))
            | counts
            | (index_bits as u32) << (DEEPEST_BITS + COUNT_BITS)
            | quarters << BEFORE_QUARTERS
            | (part_bits as u32).wrapping_sub(3) << (u32::BITS - 1)
    }

    /// The leaf in which a quarter begins.
    #[inline]
    pub(super) const fn first_of_quarter(&self, quarter: u32) -> usize {
        // What is shifted in for the first is zero.
        let shifted = ((self.quarters as u64) << COUNT_BITS) >> (quarter * COUNT_BITS);
        shifted as usize % MOST
    }
}

const _: () = assert!(MOST == 1 << COUNT_BITS && DEEPEST as usize == 1 << DEEPEST_BITS);
const _: () = assert!(BEFORE_QUARTERS + 3 * COUNT_BITS == u32::BITS - 1);
