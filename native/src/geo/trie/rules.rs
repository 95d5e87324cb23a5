//! Which rules hold within a prefix, noted in each node and by each short prefix.

use super::{DIRECT, STRIDE, Trie};
use crate::geo::fence::RuleSets;
use crate::geo::leaves::Leaf;
use crate::wire::prefix::mask;

impl Trie {
    /// Note which rules hold in each node and each short prefix, for [`Trie::rules_within`]: of a
    /// trie that was compiled with room for them.
    ///
    /// `rule` tells the rule set of an entry.
    pub fn summarise(&mut self, sets: &mut RuleSets, rule: impl Fn(u32) -> u32) {
        let size = 1 << DIRECT;
        let mut above = vec![0; 2 * size];
        for at in 0..self.direct.len() {
            let word = self.direct.get(at).copied().unwrap_or(0);
            let set = self.summary(word, sets, &rule);
            if let Some(summary) = above.get_mut(size + at)
                && *summary != set
            {
                *summary = sets.union(*summary, set);
            }
        }
        for parent in (1..size).rev() {
            let child = |side: usize| above.get(2 * parent + side).copied().unwrap_or(0);
            let union = sets.union(child(0), child(1));
            if let Some(summary) = above.get_mut(parent) {
                *summary = union;
            }
        }
        self.above = above.into_boxed_slice();
    }

    /// The rules that hold somewhere in what a word stands for; noted in each node of it.
    ///
    /// It calls itself as deep as nodes lie below one another, which is 19 at most.
    fn summary(&mut self, word: u32, sets: &mut RuleSets, rule: &impl Fn(u32) -> u32) -> u32 {
        let Some(node) = self.node(word) else {
            return rule(Leaf(word).entry());
        };
        let (start, children) = (self.start(word), node.children());
        let mut union = 0;
        for set in node.entries().map(rule) {
            if set != union {
                union = sets.union(union, set);
            }
        }
        for at in start + children.start..start + children.end {
            let child = self.words.get(at).copied().unwrap_or(0);
            let set = self.summary(child, sets, rule);
            if set != union {
                union = sets.union(union, set);
            }
        }
        let at = self.shape.rules();
        if let Some(rules) = at.and_then(|at| self.words.get_mut(start + at)) {
            *rules = union;
        }
        union
    }

    /// Tell each rule set that holds somewhere in a prefix that is shorter than its first leaf.
    ///
    /// At most 64 are reported, some more than once. `rule` as for [`Trie::summarise`].
    pub fn rules_within(
        &self,
        address: u128,
        length: u8,
        rule: impl Fn(u32) -> u32,
        mut tell: impl FnMut(u32),
    ) {
        if length <= DIRECT {
            let index = 1 << length | leading(address & mask(length), length);
            tell(self.above.get(index).copied().unwrap_or(0));
            return;
        }
        let mut word = self
            .direct
            .get(leading(address, self.direct_bits))
            .copied()
            .unwrap_or(0);
        let mut depth = self.direct_bits;
        while let Some(node) = self.node(word) {
            let slot = (address << depth >> (128 - u32::from(STRIDE))) as u32;
            let left = length.saturating_sub(depth);
            if left < STRIDE {
                let slots = slot..slot + (1 << (STRIDE - left));
                let below = depth.saturating_add(STRIDE);
                self.each_rule(slots.map(|slot| node.word(slot, below)), &rule, tell);
                return;
            }
            depth = depth.saturating_add(STRIDE);
            word = node.word(slot, depth);
        }
        tell(rule(Leaf(word).entry()));
    }

    fn each_rule(
        &self,
        words: impl Iterator<Item = u32>,
        rule: &impl Fn(u32) -> u32,
        mut tell: impl FnMut(u32),
    ) {
        let mut last = None;
        for word in words {
            let set = match self.node(word) {
                Some(child) => child.rules(),
                None => rule(Leaf(word).entry()),
            };
            if last != Some(set) {
                last = Some(set);
                tell(set);
            }
        }
    }
}

/// The first bits of an address, as a number.
fn leading(address: u128, bits: u8) -> usize {
    address
        .checked_shr(128 - u32::from(bits))
        .map_or(0, |first| first as usize)
}

#[cfg(test)]
mod tests {
    use super::super::tests::random_leaves;
    use super::*;
    use crate::geo::fence::Fence;
    use crate::geo::leaves::unit;

    #[test]
    fn rules_within_a_prefix_are_those_of_its_leaves() {
        for seed in 0..40 {
            let leaves = random_leaves(seed, 64, 4, 60);
            let mut sets = RuleSets::new(&[Fence::ALL; 3]);
            let mut trie = Trie::new(leaves.as_slice(), true).unwrap();
            let rule = |entry: u32| entry;
            trie.summarise(&mut sets, rule);
            let sets = sets.finish();
            let mut start = 0_u128;
            for leaf in &leaves {
                for length in 0..leaf.length() {
                    let inside = |address: u128| (address ^ start) & mask(length) == 0;
                    let mut expected = Vec::new();
                    let mut at = 0_u128;
                    for other in &leaves {
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
                start = start.wrapping_add(unit(leaf.length()));
            }
        }
    }
}
