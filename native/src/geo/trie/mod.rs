//! Longest-prefix match over one family, for two reads of memory a look-up as a rule.
//!
//! The first 18 bits index a table, or 20 where there are very many leaves. What is longer continues in
//! nodes of 6 bits each, which keep two bitmaps instead of 64 slots: which slots are nodes again, and at which slots a
//! new leaf begins; counting bits below a slot finds its word (the "poptrie" of Asai and Ohara,
//! SIGCOMM 2015). A node's words stand right behind its bitmaps, so that both mostly come in
//! one line of the cache:
//!
//! ```text
//!   children (2 words) · runs (2) · rule set (1) · a word for each leaf · a word for each child
//! ```
//!
//! A word is a leaf, or the place of a node. Keys of both families are left-aligned in 128
//! bits, so that one code serves both.

mod build;
mod rules;

use super::leaves::Leaf;
use build::{Builder, Slot, next_slot};

/// Bits that index the table, and those that do where there are `MANY` leaves: most clients then
/// come to their leaf one node earlier, and the nodes that are saved are more than the table grows.
const DIRECT: u8 = 18;
const DIRECT_OF_MANY: u8 = 20;
const MANY: usize = 1 << 21;
const STRIDE: u8 = 6;

/// The length octet that marks a word as the place of a node, not a leaf.
const NODE: u32 = 0xff;

/// Words before those of a node's slots.
const HEAD: usize = 5;
/// Where among them the rule set is.
const RULES: usize = 4;
/// Nodes begin at multiples of so many words, so that 24 bits can place them.
const STEP: usize = 8;
/// Words of one cache line.
const LINE: usize = 16;
/// How many steps the place of a node can count: it has 24 bits of a word.
const MAX_STEPS: usize = 1 << 24;

/// One node, read from its words.
struct Node<'t> {
    /// Slots that lead to a node.
    children: u64,
    /// Slots at which a leaf begins.
    runs: u64,
    /// The rule set that holds in it; 0 where there are no rules.
    rules: u32,
    /// All words behind its head, and behind them those of other nodes.
    words: &'t [u32],
}

impl Node<'_> {
    /// The word of a slot.
    #[inline]
    fn word(&self, slot: u32) -> u32 {
        // Leaves stand first: every look-up comes to one, and has to count the fewest bits for it.
        let at = if self.children >> slot & 1 == 0 {
            rank(self.runs, slot)
        } else {
            self.runs.count_ones() + rank(self.children, slot)
        };
        self.words.get(at as usize).copied().unwrap_or(0)
    }

    /// How many words are its own.
    const fn count(&self) -> usize {
        (self.children.count_ones() + self.runs.count_ones()) as usize
    }
}

/// How many bits are set before the last one that is set at or below `slot`.
#[inline]
const fn rank(bits: u64, slot: u32) -> u32 {
    (bits & (2_u64 << slot).wrapping_sub(1))
        .count_ones()
        .saturating_sub(1)
}

/// A look-up under way.
#[derive(Clone, Copy)]
pub struct Descent {
    word: u32,
    /// The address without the bits that have been followed.
    rest: u128,
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
    leaves: usize,
    /// By prefix of at most `DIRECT` bits, as a heap whose root is 1; empty where there are no rules.
    above: Box<[u32]>,
}

impl Trie {
    /// Compile leaves, which cover the whole space. None when they need too many nodes.
    #[must_use]
    pub fn new(leaves: &[Leaf]) -> Option<Self> {
        let many = leaves.len() >= MANY;
        Self::with_direct(leaves, if many { DIRECT_OF_MANY } else { DIRECT })
    }

    /// With so many bits that index the table.
    fn with_direct(leaves: &[Leaf], direct_bits: u8) -> Option<Self> {
        let mut waiting = Vec::new();
        let mut direct = Vec::with_capacity(1 << direct_bits);
        let mut at = 0;
        while let Some(slot) = next_slot(leaves, &mut at, direct_bits) {
            match slot {
                Slot::Leaf(leaf, slots) => direct.extend(std::iter::repeat_n(leaf.0, slots)),
                Slot::Node(range) => {
                    waiting.push((range, direct.len()));
                    direct.push(0);
                }
            }
        }
        let mut built = Builder::with_room_for(leaves.len() + waiting.len() * LINE);
        let mut below = Vec::new();
        for (range, at) in waiting {
            let word = built.node(leaves, range, direct_bits, &mut below)?;
            *direct.get_mut(at)? = word;
        }
        let mut depth = direct_bits;
        while !below.is_empty() {
            depth = depth.saturating_add(STRIDE);
            for (range, at) in std::mem::take(&mut below) {
                let word = built.node(leaves, range, depth, &mut below)?;
                *built.words.get_mut(at)? = word;
            }
        }
        Some(Self {
            direct: direct.into_boxed_slice(),
            direct_bits,
            words: built.words,
            lead: built.lead,
            leaves: leaves.len(),
            above: Box::new([]),
        })
    }

    /// The leaf around an address.
    #[must_use]
    #[inline]
    pub fn leaf(&self, address: u128) -> Leaf {
        let mut descent = self.enter(address);
        // A node stands behind its parent, so this ends.
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
        }
    }

    /// Take a look-up one node further down; false where it has come to its leaf.
    #[inline]
    pub fn descend(&self, descent: &mut Descent) -> bool {
        let Some(node) = self.node(descent.word) else {
            return false;
        };
        descent.word = node.word((descent.rest >> (128 - u32::from(STRIDE))) as u32);
        descent.rest <<= STRIDE;
        true
    }

    /// How many leaves there are, and how many octets all of it takes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let octets = 4 * (self.direct.len() + self.words.len() + self.above.len());
        (self.leaves, octets)
    }

    /// The node that a word places; None for a leaf.
    #[inline]
    fn node(&self, word: u32) -> Option<Node<'_>> {
        if word & NODE != NODE {
            return None;
        }
        let (head, words) = self
            .words
            .get(self.start(word)..)?
            .split_first_chunk::<HEAD>()?;
        let [child_low, child_high, run_low, run_high, rules] = *head;
        Some(Node {
            children: u64::from(child_high) << 32 | u64::from(child_low),
            runs: u64::from(run_high) << 32 | u64::from(run_low),
            rules,
            words,
        })
    }

    #[inline]
    const fn start(&self, word: u32) -> usize {
        self.lead + (word >> 8) as usize * STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::leaves::{Leaves, unit};

    /// A space cut in halves by the bits of a generator, down to `most` bits.
    pub(super) fn random_leaves(seed: u64, most: u8, entries: u32, count: usize) -> Vec<Leaf> {
        let mut state = seed;
        let mut leaves = Leaves::new();
        let mut waiting = vec![0_u8];
        while let Some(length) = waiting.pop() {
            state = crate::geo::ranking::mix(state.wrapping_add(0x9e37_79b9));
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
        for seed in 0..20 {
            for most in [0, 1, 17, 18, 19, 20, 21, 32, 100, 126, 128] {
                let leaves = random_leaves(seed, most, 5, 500);
                let direct_bits = if seed % 2 == 0 {
                    DIRECT
                } else {
                    DIRECT_OF_MANY
                };
                let trie = Trie::with_direct(&leaves, direct_bits).unwrap();
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

    #[test]
    fn a_trie_of_very_many_leaves_has_the_larger_table() {
        let leaf = |number: u32| Leaf::new(number % 2, 21);
        let many: Vec<Leaf> = (0..1 << 21).map(leaf).collect();
        let trie = Trie::new(&many).unwrap();
        assert_eq!(trie.direct_bits, DIRECT_OF_MANY);
        for number in [0, 1, 2, 1_000_001, (1 << 21) - 1] {
            assert_eq!(trie.leaf(u128::from(number) << 107), leaf(number));
        }
        let few = Trie::new(&[Leaf::new(0, 0)]).unwrap();
        assert_eq!(few.direct_bits, DIRECT);
    }
}
