//! The nodes of the trie: 64 slots as two bitmaps, and how they are made from tiles.

use super::tiles::{Leaf, unit};

/// Bits of a prefix that one level of nodes tells apart.
pub const STRIDE: u8 = 6;

/// A node of the trie.
#[derive(Clone, Copy, Default)]
pub struct Node {
    /// Slots that lead to a node.
    pub children: u64,
    /// Slots at which a leaf begins.
    pub runs: u64,
    /// Where its nodes stand among all nodes.
    pub first_child: u32,
    /// Where its leaves stand among all leaves.
    pub first_leaf: u32,
}

impl Node {
    /// The node that a slot leads to, if it does.
    #[must_use]
    #[inline]
    pub const fn child(&self, slot: u32) -> Option<u32> {
        if self.children >> slot & 1 == 0 {
            return None;
        }
        Some(self.first_child + rank(self.children, slot))
    }

    /// The leaf that fills a slot which leads to no node.
    #[must_use]
    #[inline]
    pub const fn leaf(&self, slot: u32) -> u32 {
        self.first_leaf + rank(self.runs, slot)
    }
}

/// How many bits are set before the last one that is set at or below `slot`.
#[inline]
const fn rank(bits: u64, slot: u32) -> u32 {
    (bits & (2_u64 << slot).wrapping_sub(1))
        .count_ones()
        .saturating_sub(1)
}

/// What stands at a slot of a level.
pub enum Slot {
    /// A leaf, and how many slots of this level it fills.
    Leaf(Leaf, usize),
    /// Tiles that share one slot, by index.
    Node(std::ops::Range<usize>),
}

/// What stands at the next slot of a level whose slots are prefixes of `depth` bits.
#[must_use]
pub fn next_slot(tiles: &[Leaf], at: &mut usize, depth: u8) -> Option<Slot> {
    let first = *tiles.get(*at)?;
    let from = *at;
    *at += 1;
    if first.length() <= depth {
        let slots = 1 << depth.saturating_sub(first.length());
        return Some(Slot::Leaf(first, slots));
    }
    let mut left = unit(depth).wrapping_sub(unit(first.length()));
    while left != 0 {
        left = left.wrapping_sub(unit(tiles.get(*at)?.length()));
        *at += 1;
    }
    Some(Slot::Node(from..*at))
}

/// Nodes and leaves as they are made.
pub struct Builder {
    /// Level by level.
    pub nodes: Vec<Node>,
    /// Those of a node behind one another.
    pub leaves: Vec<Leaf>,
}

impl Builder {
    /// Append the node over `range` of the tiles; its children go to `below`.
    pub fn node(
        &mut self,
        tiles: &[Leaf],
        range: std::ops::Range<usize>,
        depth: u8,
        children_from: usize,
        below: &mut Vec<std::ops::Range<usize>>,
    ) -> Option<()> {
        let mut node = Node {
            first_child: u32::try_from(children_from + below.len()).ok()?,
            first_leaf: u32::try_from(self.leaves.len()).ok()?,
            ..Node::default()
        };
        let (from, tiles) = (range.start, tiles.get(range)?);
        let (mut at, mut slot) = (0, 0_u32);
        while let Some(next) = next_slot(tiles, &mut at, depth.saturating_add(STRIDE)) {
            match next {
                Slot::Leaf(leaf, slots) => {
                    node.runs |= 1_u64.checked_shl(slot)?;
                    self.leaves.push(leaf);
                    slot += u32::try_from(slots).ok()?;
                }
                Slot::Node(inner) => {
                    node.children |= 1_u64.checked_shl(slot)?;
                    below.push(from + inner.start..from + inner.end);
                    slot += 1;
                }
            }
        }
        self.nodes.push(node);
        Some(())
    }
}
