//! Longest-prefix match over one family, for two or three reads of memory a look-up.
//!
//! The first 18 bits index a table. What is longer continues in nodes of 6 bits each, which
//! keep two bitmaps instead of 64 slots: which slots are nodes again, and at which slots a
//! new leaf begins; counting bits below a slot finds its place in the packed arrays (the
//! "poptrie" of Asai and Ohara, SIGCOMM 2015). Keys of both families are left-aligned in
//! 128 bits, so that one code serves both.

use super::fence::RuleSets;
use super::node::{Builder, Node, STRIDE, Slot, next_slot};
use super::tiles::Leaf;
use crate::prefix::mask;

const DIRECT: u8 = 18;

/// The length octet that marks a word of the table as a node's number, not a leaf.
const NODE: u32 = 0xff;

/// How many nodes the words of the table can name.
const MOST_NODES: usize = 1 << 24;

/// The compiled tiles of one family.
pub struct Trie {
    direct: Box<[u32]>,
    nodes: Box<[Node]>,
    leaves: Box<[Leaf]>,
    /// By node, the rule set that holds in it; empty where there are no rules.
    within: Box<[u32]>,
    /// By prefix of at most 18 bits, as a heap whose root is 1; empty where there are no rules.
    above: Box<[u32]>,
}

impl Trie {
    /// Compile tiles, which cover the whole space. None when they need too many nodes.
    #[must_use]
    pub fn new(tiles: &[Leaf]) -> Option<Self> {
        let mut waiting = Vec::new();
        let mut direct = Vec::with_capacity(1 << DIRECT);
        let mut at = 0;
        let mut nodes = 0_usize;
        while let Some(slot) = next_slot(tiles, &mut at, DIRECT) {
            match slot {
                Slot::Leaf(leaf, slots) => direct.extend(std::iter::repeat_n(leaf.0, slots)),
                Slot::Node(range) => {
                    direct.push((nodes as u32) << 8 | NODE);
                    nodes += 1;
                    waiting.push(range);
                }
            }
        }
        let mut built = Builder {
            nodes: Vec::with_capacity(nodes),
            leaves: Vec::with_capacity(tiles.len()),
        };
        let mut depth = DIRECT;
        while !waiting.is_empty() {
            let mut below = Vec::new();
            let children_from = built.nodes.len() + waiting.len();
            for range in waiting {
                built.node(tiles, range, depth, children_from, &mut below)?;
            }
            if children_from + below.len() > MOST_NODES {
                return None;
            }
            waiting = below;
            depth = depth.saturating_add(STRIDE);
        }
        Some(Self {
            direct: direct.into_boxed_slice(),
            nodes: built.nodes.into_boxed_slice(),
            leaves: built.leaves.into_boxed_slice(),
            within: Box::new([]),
            above: Box::new([]),
        })
    }

    /// Note which rules hold in each node and each short prefix, for [`Trie::rules_within`].
    ///
    /// `rule` tells the rule set of an entry.
    pub fn summarise(&mut self, sets: &mut RuleSets, rule: impl Fn(u32) -> u32) {
        let mut within = vec![0; self.nodes.len()];
        // Children stand behind their parents.
        for (number, node) in self.nodes.iter().enumerate().rev() {
            let children = slice_of(&within, node.first_child, node.children);
            let leaves = slice_of(&self.leaves, node.first_leaf, node.runs);
            let held = leaves.iter().map(|leaf| rule(leaf.entry()));
            let mut union = 0;
            for set in held.chain(children.iter().copied()) {
                if set != union {
                    union = sets.union(union, set);
                }
            }
            if let Some(summary) = within.get_mut(number) {
                *summary = union;
            }
        }
        let size = self.direct.len();
        let mut above = vec![0; 2 * size];
        for (summary, &word) in above.iter_mut().skip(size).zip(&self.direct) {
            *summary = if word & NODE == NODE {
                within.get((word >> 8) as usize).copied().unwrap_or(0)
            } else {
                rule(Leaf(word).entry())
            };
        }
        for parent in (1..size).rev() {
            let child = |side: usize| above.get(2 * parent + side).copied().unwrap_or(0);
            let union = sets.union(child(0), child(1));
            if let Some(summary) = above.get_mut(parent) {
                *summary = union;
            }
        }
        self.within = within.into_boxed_slice();
        self.above = above.into_boxed_slice();
    }

    /// The leaf around an address.
    #[must_use]
    #[inline]
    pub fn leaf(&self, address: u128) -> Leaf {
        let top = (address >> (128 - u32::from(DIRECT))) as usize;
        let mut word = self.direct.get(top).copied().unwrap_or(0);
        let mut rest = address << DIRECT;
        // A node's number is higher than its parent's, so this ends.
        while word & NODE == NODE {
            let slot = (rest >> (128 - u32::from(STRIDE))) as u32;
            rest <<= STRIDE;
            let Some(node) = self.nodes.get((word >> 8) as usize) else {
                return Leaf(0);
            };
            word = match node.child(slot) {
                Some(child) => child << 8 | NODE,
                None => match self.leaves.get(node.leaf(slot) as usize) {
                    Some(leaf) => leaf.0,
                    None => 0,
                },
            };
        }
        Leaf(word)
    }

    /// Tell each rule set that holds somewhere in a prefix that is shorter than its first leaf.
    ///
    /// At most 64 are told, some more than once. `rule` as for [`Trie::summarise`].
    pub fn rules_within(
        &self,
        address: u128,
        length: u8,
        rule: impl Fn(u32) -> u32,
        mut tell: impl FnMut(u32),
    ) {
        if length <= DIRECT {
            let index = 1 << length
                | (address & mask(length))
                    .checked_shr(128 - u32::from(length))
                    .unwrap_or(0);
            tell(self.above.get(index as usize).copied().unwrap_or(0));
            return;
        }
        let top = (address >> (128 - u32::from(DIRECT))) as usize;
        let mut word = self.direct.get(top).copied().unwrap_or(0);
        let mut depth = DIRECT;
        while word & NODE == NODE {
            let Some(node) = self.nodes.get((word >> 8) as usize) else {
                return;
            };
            let slot = (address << depth >> (128 - u32::from(STRIDE))) as u32;
            let left = length.saturating_sub(depth);
            if left < STRIDE {
                let slots = 1 << (STRIDE - left);
                self.each_slot(node, slot..slot + slots, &rule, tell);
                return;
            }
            depth = depth.saturating_add(STRIDE);
            match node.child(slot) {
                Some(child) => word = child << 8 | NODE,
                None => {
                    word = match self.leaves.get(node.leaf(slot) as usize) {
                        Some(leaf) => leaf.0,
                        None => 0,
                    }
                }
            }
        }
        tell(rule(Leaf(word).entry()));
    }

    /// How many leaves there are, and how many octets all of it takes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let octets = 4
            * (self.direct.len() + self.leaves.len() + self.within.len() + self.above.len())
            + size_of::<Node>() * self.nodes.len();
        (self.leaves.len(), octets)
    }

    fn each_slot(
        &self,
        node: &Node,
        slots: std::ops::Range<u32>,
        rule: &impl Fn(u32) -> u32,
        mut tell: impl FnMut(u32),
    ) {
        let mut last = None;
        for slot in slots {
            let set = match node.child(slot) {
                Some(child) => self.within.get(child as usize).copied().unwrap_or(0),
                None => match self.leaves.get(node.leaf(slot) as usize) {
                    Some(leaf) => rule(leaf.entry()),
                    None => 0,
                },
            };
            if last != Some(set) {
                last = Some(set);
                tell(set);
            }
        }
    }
}

/// As many of `items`, from `first` on, as `bits` are set.
fn slice_of<T>(items: &[T], first: u32, bits: u64) -> &[T] {
    let first = first as usize;
    items
        .get(first..first + bits.count_ones() as usize)
        .unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::fence::Fence;
    use crate::geo::tiles::{Tiles, unit};

    /// A space cut in halves by the bits of a generator, down to `most` bits.
    fn random_tiles(seed: u64, most: u8, entries: u32, count: usize) -> Vec<Leaf> {
        let mut state = seed;
        let mut tiles = Tiles::new();
        let mut waiting = vec![0_u8];
        while let Some(length) = waiting.pop() {
            state = crate::geo::ranking::mix(state.wrapping_add(0x9e37_79b9));
            let deeper = if length < 16 { 8 } else { 5 };
            if length < most && tiles.leaves().len() < count && state % 10 < deeper {
                waiting.extend([length + 1, length + 1]);
            } else {
                tiles.push((state >> 32) as u32 % entries, length);
            }
        }
        tiles.leaves().to_vec()
    }

    #[test]
    fn every_tile_is_found_at_both_of_its_ends() {
        for seed in 0..20 {
            for most in [0, 1, 17, 18, 19, 32, 100, 126, 128] {
                let tiles = random_tiles(seed, most, 5, 500);
                let trie = Trie::new(&tiles).unwrap();
                let mut start = 0_u128;
                for tile in tiles {
                    let end = start.wrapping_add(unit(tile.length()));
                    assert_eq!(trie.leaf(start), tile);
                    assert_eq!(trie.leaf(end.wrapping_sub(1)), tile);
                    start = end;
                }
                assert_eq!(start, 0);
            }
        }
    }

    #[test]
    fn rules_within_a_prefix_are_those_of_its_tiles() {
        for seed in 0..40 {
            let tiles = random_tiles(seed, 64, 4, 60);
            let mut sets = RuleSets::new(&[Fence::ALL; 3]);
            let mut trie = Trie::new(&tiles).unwrap();
            let rule = |entry: u32| entry;
            trie.summarise(&mut sets, rule);
            let sets = sets.finish();
            let mut start = 0_u128;
            for tile in &tiles {
                for length in 0..tile.length() {
                    let inside = |address: u128| (address ^ start) & mask(length) == 0;
                    let mut expected = Vec::new();
                    let mut at = 0_u128;
                    for other in &tiles {
                        if inside(at) && other.entry() > 0 {
                            expected.push(other.entry() as u16 - 1);
                        }
                        at = at.wrapping_add(unit(other.length()));
                    }
                    expected.sort_unstable();
                    expected.dedup();
                    let mut found = Vec::new();
                    trie.rules_within(start & mask(length), length, rule, |set| {
                        found.extend(sets[set as usize].pins.iter().copied());
                    });
                    found.sort_unstable();
                    found.dedup();
                    if inside(start) && start & !mask(length) == 0 {
                        assert_eq!(found, expected, "seed {seed}, length {length}");
                    }
                }
                start = start.wrapping_add(unit(tile.length()));
            }
        }
    }
}
