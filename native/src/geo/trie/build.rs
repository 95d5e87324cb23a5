//! Laying a trie's nodes out in words, from leaves in address order.

use super::{HEAD, LINE, MAX_STEPS, NODE, STEP, STRIDE};
use crate::geo::leaves::{Leaf, unit};

/// What stands at one slot of a level.
pub(super) enum Slot {
    /// A leaf, and how many slots of this level it fills.
    Leaf(Leaf, usize),
    /// Leaves that share one slot, by index.
    Node(std::ops::Range<usize>),
}

/// What stands at the next slot of a level whose slots are prefixes of `depth` bits.
pub(super) fn next_slot(leaves: &[Leaf], at: &mut usize, depth: u8) -> Option<Slot> {
    let first = *leaves.get(*at)?;
    let from = *at;
    *at += 1;
    if first.length() <= depth {
        let slots = 1 << depth.saturating_sub(first.length());
        return Some(Slot::Leaf(first, slots));
    }
    let mut left = unit(depth).wrapping_sub(unit(first.length()));
    while left != 0 {
        left = left.wrapping_sub(unit(leaves.get(*at)?.length()));
        *at += 1;
    }
    Some(Slot::Node(from..*at))
}

/// Leaves that become a node, and the index of the word that is to place it.
pub(super) type Waiting = (std::ops::Range<usize>, usize);

/// Words in the making.
pub(super) struct Builder {
    pub(super) words: Vec<u32>,
    pub(super) lead: usize,
}

impl Builder {
    pub(super) fn with_room_for(count: usize) -> Self {
        let mut words: Vec<u32> = Vec::with_capacity(count + LINE);
        let lead = words.as_ptr().align_offset(4 * LINE).min(LINE);
        words.resize(lead, 0);
        Self { words, lead }
    }

    /// Append the node over `range` of the leaves, and give the word that places it.
    ///
    /// Its children go to `below`, with the words that are to place them.
    pub(super) fn node(
        &mut self,
        leaves: &[Leaf],
        range: std::ops::Range<usize>,
        depth: u8,
        below: &mut Vec<Waiting>,
    ) -> Option<u32> {
        let (from, leaves) = (range.start, leaves.get(range)?);
        let (mut children, mut runs) = (0_u64, 0_u64);
        let (mut inner, mut words) = ([const { 0..0 }; 64], [0_u32; 64]);
        let (mut inner_count, mut leaf_count) = (0, 0);
        let (mut at, mut slot) = (0, 0_u32);
        while let Some(next) = next_slot(leaves, &mut at, depth.saturating_add(STRIDE)) {
            match next {
                Slot::Leaf(leaf, slots) => {
                    runs |= 1_u64.checked_shl(slot)?;
                    *words.get_mut(leaf_count)? = leaf.0;
                    leaf_count += 1;
                    slot += u32::try_from(slots).ok()?;
                }
                Slot::Node(within) => {
                    children |= 1_u64.checked_shl(slot)?;
                    *inner.get_mut(inner_count)? = from + within.start..from + within.end;
                    inner_count += 1;
                    slot += 1;
                }
            }
        }
        let start = self.next_start(HEAD + inner_count + leaf_count);
        let word = Self::placed((start - self.lead) / STEP)?;
        self.words.resize(start, 0);
        self.words
            .extend([children as u32, (children >> 32) as u32]);
        self.words.extend([runs as u32, (runs >> 32) as u32, 0]);
        self.words.extend(words.iter().take(leaf_count));
        for range in inner.into_iter().take(inner_count) {
            below.push((range, self.words.len()));
            self.words.push(0);
        }
        Some(word)
    }

    /// Where the next node may begin: one that fits into a cache line does not cross one.
    fn next_start(&self, count: usize) -> usize {
        let start = (self.words.len() - self.lead).next_multiple_of(STEP);
        let over = start % LINE + count > LINE;
        self.lead
            + if over && count <= LINE {
                start.next_multiple_of(LINE)
            } else {
                start
            }
    }

    fn placed(step: usize) -> Option<u32> {
        (step < MAX_STEPS).then_some((step as u32) << 8 | NODE)
    }
}
