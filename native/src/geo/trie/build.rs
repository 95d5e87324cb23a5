//! Laying a trie's nodes out in words, from leaves in address order.

use super::node::Shape;
use super::{LINE, MAX_STEPS, NODE, STEP, STRIDE};
use crate::geo::leaves::{Leaf, LeafSource, unit};
use std::ops::Range;

/// What stands at one slot of a level.
pub(super) enum Slot {
    /// A leaf, and how many slots of this level it fills.
    Leaf(Leaf, usize),
    /// Leaves that share one slot, by index.
    Node(Range<usize>),
}

/// What stands at the next slot of a level whose slots are prefixes of `depth` bits; None at `end`.
pub(super) fn next_slot(
    leaves: &(impl LeafSource + ?Sized),
    at: &mut usize,
    end: usize,
    depth: u8,
) -> Option<Slot> {
    if *at >= end {
        return None;
    }
    let first = leaves.leaf(*at)?;
    let from = *at;
    *at += 1;
    if first.length() <= depth {
        let slots = 1 << depth.saturating_sub(first.length());
        return Some(Slot::Leaf(first, slots));
    }
    let mut left = unit(depth).wrapping_sub(unit(first.length()));
    while left != 0 {
        left = left.wrapping_sub(unit(leaves.leaf(*at)?.length()));
        *at += 1;
    }
    Some(Slot::Node(from..*at))
}

/// Leaves that become a node, from the first to before the last, and the index of the word that is
/// to place it. There are many of these at once, so they are kept small.
#[derive(Clone, Copy, Default)]
pub(super) struct Waiting {
    first: u32,
    end: u32,
    word: u32,
}

impl Waiting {
    /// None where there are too many leaves.
    pub(super) fn new(leaves: &Range<usize>, word: usize) -> Option<Self> {
        Some(Self {
            first: u32::try_from(leaves.start).ok()?,
            end: u32::try_from(leaves.end).ok()?,
            word: u32::try_from(word).ok()?,
        })
    }

    /// The index of the word that is to place it.
    pub(super) const fn word(self) -> usize {
        self.word as usize
    }
}

/// Words in the making.
pub(super) struct Builder {
    pub(super) words: Vec<u32>,
    pub(super) lead: usize,
    shape: Shape,
    /// Where lines have so many steps left that no node stands in, by how many those are.
    gaps: [Vec<usize>; LINE / STEP],
}

impl Builder {
    /// With room for so many leaves, below so many slots of the table.
    pub(super) fn new(shape: Shape, leaves: usize, nodes: usize) -> Self {
        let mut words: Vec<u32> = Vec::with_capacity(shape.words(leaves) + (nodes + 1) * LINE);
        let lead = words.as_ptr().align_offset(4 * LINE).min(LINE);
        words.resize(lead, 0);
        Self {
            words,
            lead,
            shape,
            gaps: Default::default(),
        }
    }

    /// Append the node over leaves that waited for it, and give the word that places it.
    ///
    /// Its children go to `below`, with the words that are to place them.
    pub(super) fn node(
        &mut self,
        leaves: &(impl LeafSource + ?Sized),
        waiting: Waiting,
        depth: u8,
        below: &mut Vec<Waiting>,
    ) -> Option<u32> {
        let (mut children, mut runs) = (0_u64, 0_u64);
        let (mut inner, mut packed) = ([Waiting::default(); 64], [0_u32; 64]);
        let (mut inner_count, mut leaf_count) = (0, 0_u32);
        let (mut at, end, mut slot) = (waiting.first as usize, waiting.end as usize, 0_u32);
        while let Some(next) = next_slot(leaves, &mut at, end, depth.saturating_add(STRIDE)) {
            match next {
                Slot::Leaf(leaf, slots) => {
                    runs |= 1_u64.checked_shl(slot)?;
                    let (word, shift) = self.shape.place(leaf_count);
                    *packed.get_mut(word)? |= leaf.entry() << shift;
                    leaf_count += 1;
                    slot += u32::try_from(slots).ok()?;
                }
                Slot::Node(within) => {
                    children |= 1_u64.checked_shl(slot)?;
                    *inner.get_mut(inner_count)? = Waiting::new(&within, 0)?;
                    inner_count += 1;
                    slot += 1;
                }
            }
        }
        let entries = self.shape.words(leaf_count as usize);
        let first = self.shape.head + entries;
        let start = self.room(first + inner_count);
        let own = self.words.get_mut(start..start + first)?;
        let bitmaps = [children, runs].map(|bits| [bits as u32, (bits >> 32) as u32]);
        let (head, rest) = own.split_at_mut(self.shape.head);
        head.get_mut(..4)?.copy_from_slice(bitmaps.as_flattened());
        rest.copy_from_slice(packed.get(..entries)?);
        for (number, waiting) in inner.into_iter().take(inner_count).enumerate() {
            let word = u32::try_from(start + first + number).ok()?;
            below.push(Waiting { word, ..waiting });
        }
        Self::placed((start - self.lead) / STEP)
    }

    /// Where so many words begin, which are there now. Those that fit into a cache line cross none,
    /// and what a line has left then goes to later nodes.
    fn room(&mut self, count: usize) -> usize {
        let steps = count.div_ceil(STEP);
        if let Some((left, start)) = self.gap(steps) {
            self.leave(start + steps * STEP, left - steps);
            return start;
        }
        let mut start = self.words.len();
        let used = (start - self.lead) % LINE;
        if used + count > LINE && count <= LINE {
            self.leave(start, (LINE - used) / STEP);
            start += LINE - used;
        }
        self.words.resize(start + steps * STEP, 0);
        start
    }

    /// The smallest gap that has so many steps, which is none any more.
    fn gap(&mut self, steps: usize) -> Option<(usize, usize)> {
        let gaps = self.gaps.iter_mut().enumerate().skip(steps);
        gaps.filter_map(|(left, starts)| Some((left, starts.pop()?)))
            .next()
    }

    fn leave(&mut self, start: usize, steps: usize) {
        if steps > 0
            && let Some(starts) = self.gaps.get_mut(steps)
        {
            starts.push(start);
        }
    }

    fn placed(step: usize) -> Option<u32> {
        (step < MAX_STEPS).then_some((step as u32) << 8 | NODE)
    }
}
