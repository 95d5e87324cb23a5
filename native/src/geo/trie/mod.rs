//! Longest-prefix match over one family, for two reads of memory a look-up as a rule.
//!
//! The first 18 bits index a table, or 16 where it is made small. What is longer continues in
//! nodes of 6 bits each, which keep two bitmaps instead of 64 slots: which slots are nodes again, and at which slots a
//! new leaf begins; counting bits below a slot finds what stands for it (the "poptrie" of Asai and Ohara,
//! SIGCOMM 2015). All of a node stands together, so that it mostly comes in one line of the cache:
//!
//! ```text
//!   children (2 words) · runs (2) · rule set (1, where there are rules)
//!   · the entry of each leaf (1, 2 or 4 octets, as the largest needs) · a word for each child
//! ```
//!
//! A word is a leaf, or the place of a node. A leaf in a node is its entry alone: how many slots it
//! fills tells its length. Keys of both families are left-aligned in 128 bits, so that one code
//! serves both.

mod build;
mod node;
mod rules;

use super::leaves::{Leaf, LeafSource};
use build::{Builder, Slot, Waiting, next_slot};
use node::{Node, Shape};

/// Bits that index the table, and those that index a small one.
const DIRECT: u8 = 18;
const DIRECT_OF_SMALL: u8 = 16;
const STRIDE: u8 = 6;

/// The length octet that marks a word as the place of a node, not a leaf.
const NODE: u32 = 0xff;

/// Nodes begin at multiples of so many words, so that 24 bits can place them.
const STEP: usize = 4;
/// Words of one cache line.
const LINE: usize = 16;
/// How many steps the place of a node can count: it has 24 bits of a word.
const MAX_STEPS: usize = 1 << 24;

/// A look-up under way.
#[derive(Clone, Copy)]
pub struct Descent {
    word: u32,
    /// The address without the bits that have been followed.
    rest: u128,
    /// How many those are.
    depth: u8,
}

impl Descent {
    /// The leaf, once `Trie::descend` has come to it.
    #[must_use]
    pub const fn leaf(self) -> Leaf {
        Leaf(self.word)
    }
}

/// The compiled leaves of one family.
pub struct Trie {
    direct: Box<[u32]>,
    /// Bits that index it.
    direct_bits: u8,
    words: Vec<u32>,
    /// Words before the first node, so that nodes begin where cache lines do.
    lead: usize,
    shape: Shape,
    /// By prefix of at most `DIRECT` bits, as a heap whose root is 1; empty where there are no rules.
    above: Box<[u32]>,
}

impl Trie {
    /// Compile leaves, which cover the whole space, with room for rules where there are any. None
    /// when they need too many nodes.
    #[must_use]
    pub fn new(leaves: &(impl LeafSource + ?Sized), ruled: bool) -> Option<Self> {
        Self::with_direct(leaves, ruled, DIRECT)
    }

    /// The same without room for rules, and with a table of 256 KiB instead of 1 MiB.
    #[must_use]
    pub fn with_small_table(leaves: &(impl LeafSource + ?Sized)) -> Option<Self> {
        Self::with_direct(leaves, false, DIRECT_OF_SMALL)
    }

    fn with_direct(
        leaves: &(impl LeafSource + ?Sized),
        ruled: bool,
        direct_bits: u8,
    ) -> Option<Self> {
        let count = leaves.count();
        let mut waiting = Vec::new();
        let mut direct = Vec::with_capacity(1 << direct_bits);
        let mut at = 0;
        while let Some(slot) = next_slot(leaves, &mut at, count, direct_bits) {
            match slot {
                Slot::Leaf(leaf, slots) => direct.extend(std::iter::repeat_n(leaf.0, slots)),
                Slot::Node(range) => {
                    waiting.push(Waiting::new(&range, direct.len())?);
                    direct.push(0);
                }
            }
        }
        let entries = (0..count).filter_map(|at| leaves.leaf(at)).map(Leaf::entry);
        let largest = entries.max().unwrap_or(0);
        let shape = Shape::new(largest, ruled);
        let mut built = Builder::new(shape, count, waiting.len());
        let mut below = Vec::new();
        for node in waiting {
            let word = built.node(leaves, node, direct_bits, &mut below)?;
            *direct.get_mut(node.word())? = word;
        }
        let mut depth = direct_bits;
        while !below.is_empty() {
            depth = depth.saturating_add(STRIDE);
            for node in std::mem::take(&mut below) {
                let word = built.node(leaves, node, depth, &mut below)?;
                *built.words.get_mut(node.word())? = word;
            }
        }
        Some(Self {
            direct: direct.into_boxed_slice(),
            direct_bits,
            words: built.words,
            lead: built.lead,
            shape,
            above: Box::new([]),
        })
    }

    /// The leaf around an address.
    #[must_use]
    #[inline]
    pub fn leaf(&self, address: u128) -> Leaf {
        let mut descent = self.enter(address);
        // Each node stands for more bits than its parent, so this ends.
        while self.descend(&mut descent) {}
        descent.leaf()
    }

    /// Begin a look-up.
    #[must_use]
    #[inline]
    pub fn enter(&self, address: u128) -> Descent {
        let top = (address >> (128 - u32::from(self.direct_bits))) as usize;
        Descent {
            word: self.direct.get(top).copied().unwrap_or(0),
            rest: address << self.direct_bits,
            depth: self.direct_bits,
        }
    }

    /// Take a look-up one node further down; false where it has come to its leaf.
    #[inline]
    pub fn descend(&self, descent: &mut Descent) -> bool {
        let Some(node) = self.node(descent.word) else {
            return false;
        };
        descent.depth = descent.depth.saturating_add(STRIDE);
        let slot = (descent.rest >> (128 - u32::from(STRIDE))) as u32;
        descent.word = node.word(slot, descent.depth);
        descent.rest <<= STRIDE;
        true
    }

    /// How many octets it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        4 * (self.direct.len() + self.words.len() + self.above.len())
    }

    /// The node that a word places; None for a leaf.
    #[inline]
    fn node(&self, word: u32) -> Option<Node<'_>> {
        if word & NODE != NODE {
            return None;
        }
        Node::read(self.words.get(self.start(word)..)?, self.shape)
    }

    #[inline]
    const fn start(&self, word: u32) -> usize {
        self.lead + (word >> 8) as usize * STEP
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::geo::leaves::{Leaves, unit};

    /// A space cut in halves by the bits of a generator, down to `most` bits.
    pub(in crate::geo) fn random_leaves(
        seed: u64,
        most: u8,
        entries: u32,
        count: usize,
    ) -> Vec<Leaf> {
        let mut state = seed;
        let mut leaves = Leaves::new();
        let mut waiting = vec![0_u8];
        while let Some(length) = waiting.pop() {
            state = crate::geo::draws::mix(state.wrapping_add(0x9e37_79b9));
            let deeper = if length < 16 { 8 } else { 5 };
            if length < most && leaves.as_slice().len() < count && state % 10 < deeper {
                waiting.extend([length + 1, length + 1]);
            } else {
                leaves.push((state >> 32) as u32 % entries, length);
            }
        }
        leaves.as_slice().to_vec()
    }

    #[test]
    fn every_tile_is_found_at_both_of_its_ends() {
        for seed in 0..24 {
            for most in [0, 1, 17, 18, 19, 20, 21, 32, 100, 126, 128] {
                // Entries of one octet, of two and of four.
                let entries = [5, 256, 257, 65_536, 65_537, 1 << 24][seed as usize % 6];
                let leaves = random_leaves(seed, most, entries, 500);
                let trie = match seed % 3 {
                    0 => Trie::with_small_table(leaves.as_slice()),
                    other => Trie::new(leaves.as_slice(), other == 1),
                };
                let trie = trie.unwrap();
                let mut start = 0_u128;
                for leaf in leaves {
                    let end = start.wrapping_add(unit(leaf.length()));
                    assert_eq!(trie.leaf(start), leaf);
                    assert_eq!(trie.leaf(end.wrapping_sub(1)), leaf);
                    start = end;
                }
                assert_eq!(start, 0);
            }
        }
    }
}
