//! Groups as octets, and groups of such octets, all of which are looked at first.
//!
//! ```text
//! bits of an entry (u8) · words before the bits (u8) · words (u32) · word (u32) each
//! ```

use super::bits::field;
use super::header::QUARTER;
use super::{DEEPEST, Group, Groups, Shape};
use crate::geo::leaves::Leaf;

/// Groups that lie in octets, little-endian.
#[derive(Clone, Copy)]
pub struct Lying<'o> {
    /// Bits of an entry, and words before the bits.
    pub shape: [u8; 2],
    /// All words, those behind the groups too.
    pub words: &'o [[u8; 4]],
}

/// What groups are made for, and have to suit.
#[derive(Clone, Copy)]
pub struct Suited<'t> {
    /// Leaves that stand alone, and those that find a group by its place, added to `first`.
    pub tiles: &'t [Leaf],
    /// The first number that is no entry.
    pub first: u32,
    /// How many entries there are.
    pub rows: u32,
    /// Bits of an address.
    pub bits: u8,
    /// Whether there are rules.
    pub ruled: bool,
}

impl Groups {
    /// Append their octets.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.extend([self.shape.entry as u8, self.shape.head as u8]);
        out.extend((self.words.len() as u32).to_le_bytes());
        for word in &self.words {
            out.extend(word.to_le_bytes());
        }
    }

    /// The groups of these octets, and how many leaves stand in them. None unless each is found by one
    /// tile, is filled by its leaves, and has entries that there are.
    #[must_use]
    pub fn load(lying: &Lying<'_>, suited: &Suited<'_>) -> Option<(Self, usize)> {
        let [entry, head] = lying.shape.map(usize::from);
        if entry > 24 || head != 1 + usize::from(suited.ruled) {
            return None;
        }
        let groups = Self {
            words: (lying.words.iter())
                .map(|octets| u32::from_le_bytes(*octets))
                .collect(),
            shape: Shape { entry, head },
        };
        let (mut next, mut leaves) = (0, 0);
        for tile in suited.tiles {
            let Some(place) = tile.entry().checked_sub(suited.first) else {
                continue;
            };
            let group = groups.group(next).filter(|_| place as usize == next)?;
            if !group.is_sound(tile.length(), suited) {
                return None;
            }
            leaves += group.header.count;
            next += group.size();
        }
        let behind = groups.words.get(next..)?;
        (behind == [0; super::pack::BEHIND]).then_some((groups, leaves))
    }
}

impl Group<'_> {
    /// Whether it is as it is written for a prefix of this length.
    fn is_sound(&self, prefix: u8, suited: &Suited<'_>) -> bool {
        let header = self.header;
        let starts = 32 * self.shape.head;
        let mask = (1_u64 << header.part_bits) - 1;
        let mut address = 0_u32;
        for number in 0..header.count {
            let part = field(self.words, starts + number * header.part_bits) & mask;
            if part > u64::from(header.deepest) || self.entry(number) >= suited.rows {
                return false;
            }
            let size = 1 << (part as u32 + u32::from(DEEPEST - header.deepest));
            if address & (size - 1) != 0 {
                return false;
            }
            let end = address + size;
            for quarter in address.div_ceil(1 << QUARTER)..end.div_ceil(1 << QUARTER) {
                if quarter > 3 || header.first_of_quarter(quarter) != number {
                    return false;
                }
            }
            address = end;
        }
        address == 1 << DEEPEST && prefix.saturating_add(header.deepest) <= suited.bits
    }
}
