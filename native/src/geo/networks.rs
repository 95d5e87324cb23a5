//! The leaves of one family, and the one around an address: a trie, whose last steps are groups where
//! there are very many leaves.

use super::fence::RuleSets;
use super::groups::{Groups, Packed, pack};
use super::leaves::{Leaf, LeafSource};
use super::trie::{Descent, Trie};

/// So many leaves stand in groups, which take a fifth of the memory, and a few instructions more to look up.
const MANY: usize = 1 << 21;

/// All leaves of one family.
pub struct Networks {
    /// Of leaves, and of groups, whose place is added to the first number that is no entry.
    trie: Trie,
    /// That number, and the groups.
    grouped: Option<(u32, Groups)>,
    leaves: usize,
}

impl Networks {
    /// Compile leaves, which cover the whole space, with room for rules where there are any. None
    /// when they need too many nodes.
    #[must_use]
    pub fn new(leaves: &(impl LeafSource + ?Sized), ruled: bool) -> Option<Self> {
        Self::of(leaves, ruled, leaves.count() >= MANY)
    }

    pub(super) fn of(
        leaves: &(impl LeafSource + ?Sized),
        ruled: bool,
        grouped: bool,
    ) -> Option<Self> {
        if grouped && let Some(packed) = pack(leaves, ruled) {
            return Self::packed(packed, leaves.count(), ruled);
        }
        Some(Self {
            trie: Trie::new(leaves, ruled)?,
            grouped: None,
            leaves: leaves.count(),
        })
    }

    /// So many leaves in groups. None when they need too many nodes.
    #[must_use]
    pub fn packed(packed: Packed, leaves: usize, ruled: bool) -> Option<Self> {
        let tiles = packed.tiles.as_slice();
        // Nearly all of IPv6 lies in so few prefixes of 18 bits that their table is a waste.
        let small = !ruled && tiles.iter().any(|tile| tile.length() > 32);
        let trie = match small {
            true => Trie::with_small_table(tiles),
            false => Trie::new(tiles, ruled),
        };
        Some(Self {
            trie: trie?,
            grouped: Some((packed.first, packed.groups)),
            leaves,
        })
    }

    /// What the trie has around an address: a leaf, or what finds a group.
    #[must_use]
    pub fn tile(&self, address: u128) -> Leaf {
        self.trie.leaf(address)
    }

    /// The first number that is no entry, and the groups, where leaves stand in groups.
    #[must_use]
    pub fn groups(&self) -> Option<(u32, &Groups)> {
        (self.grouped.as_ref()).map(|(first, groups)| (*first, groups))
    }

    /// The leaf around an address.
    #[must_use]
    #[inline]
    pub fn leaf(&self, address: u128) -> Leaf {
        self.within(self.trie.leaf(address), address)
    }

    /// Begin a look-up.
    #[must_use]
    #[inline]
    pub fn enter(&self, address: u128) -> Descent {
        self.trie.enter(address)
    }

    /// Take a look-up one step further; false where only what [`Networks::arrive`] reads is left.
    #[inline]
    pub fn descend(&self, descent: &mut Descent) -> bool {
        self.trie.descend(descent)
    }

    /// Read what the rest of a look-up begins with, which waits for nothing then.
    #[must_use]
    #[inline]
    pub fn touch(&self, descent: Descent) -> u32 {
        match self.group(descent.leaf()) {
            Some((groups, place)) => groups.first_word(place),
            None => 0,
        }
    }

    /// The leaf of a look-up of this address that has come to the end of its steps.
    #[must_use]
    #[inline]
    pub fn arrive(&self, descent: Descent, address: u128) -> Leaf {
        self.within(descent.leaf(), address)
    }

    /// How many leaves there are, and how many octets all of it takes.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let groups = (self.grouped.as_ref()).map_or(0, |(_, groups)| groups.size());
        (self.leaves, self.trie.size() + groups)
    }

    /// Note which rules hold in each node, group and short prefix, for [`Networks::rules_within`]: of what was
    /// compiled with room for them.
    ///
    /// `rule` tells the rule set of an entry.
    pub fn summarise(&mut self, sets: &mut RuleSets, rule: impl Fn(u32) -> u32) {
        if let Some((_, groups)) = &mut self.grouped {
            groups.summarise(sets, &rule);
        }
        let grouped = self.grouped.as_ref();
        self.trie
            .summarise(sets, |tile| rule_of(grouped, tile, &rule));
    }

    /// Tell each rule set that holds somewhere in a prefix that is shorter than its first leaf.
    ///
    /// At most 64 are reported, some more than once. `rule` as for [`Networks::summarise`].
    pub fn rules_within(
        &self,
        address: u128,
        length: u8,
        rule: impl Fn(u32) -> u32,
        mut tell: impl FnMut(u32),
    ) {
        let tile = self.trie.leaf(address);
        if let Some((groups, place)) = self.group(tile)
            && let Some(longer) = length.checked_sub(tile.length())
        {
            let rest = address << tile.length();
            groups.entries_within(place, rest, longer, |entry| tell(rule(entry)));
            return;
        }
        let rule = |tile| rule_of(self.grouped.as_ref(), tile, &rule);
        self.trie.rules_within(address, length, rule, tell);
    }

    /// The leaf of a tile that an address lies in.
    #[inline]
    fn within(&self, tile: Leaf, address: u128) -> Leaf {
        match self.group(tile) {
            Some((groups, place)) => groups.leaf(place, tile.length(), address << tile.length()),
            None => tile,
        }
    }

    /// The group that a tile finds; None for a leaf.
    #[inline]
    fn group(&self, tile: Leaf) -> Option<(&Groups, u32)> {
        let (first, groups) = self.grouped.as_ref()?;
        Some((groups, tile.entry().checked_sub(*first)?))
    }
}

/// The rule set of a leaf or a group.
fn rule_of(grouped: Option<&(u32, Groups)>, tile: u32, rule: impl Fn(u32) -> u32) -> u32 {
    match grouped.and_then(|(first, groups)| Some((groups, tile.checked_sub(*first)?))) {
        Some((groups, place)) => groups.rules(place),
        None => rule(tile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::fence::Fence;
    use crate::geo::leaves::unit;
    use crate::geo::trie::tests::random_leaves;
    use crate::wire::prefix::mask;

    /// Leaves and where each begins.
    fn placed(leaves: &[Leaf]) -> Vec<(u128, Leaf)> {
        let mut next = 0_u128;
        let place = |leaf: &Leaf| {
            let start = next;
            next = next.wrapping_add(unit(leaf.length()));
            (start, *leaf)
        };
        leaves.iter().map(place).collect()
    }

    /// As a batch of packets looks it up.
    fn step_by_step(networks: &Networks, address: u128) -> Leaf {
        let mut descent = networks.enter(address);
        while networks.descend(&mut descent) {}
        let _ = networks.touch(descent);
        networks.arrive(descent, address)
    }

    #[test]
    fn leaves_in_groups_are_found_at_both_of_their_ends() {
        for seed in 0..24 {
            for most in [0, 1, 2, 6, 17, 18, 19, 24, 32, 48, 64, 127, 128] {
                let entries = [1, 2, 5, 65, 256, 65_537, 200_000, 1 << 23][seed as usize % 8];
                let leaves = random_leaves(seed, most, entries, 600);
                let networks = Networks::of(leaves.as_slice(), seed % 3 == 0, true).unwrap();
                assert_eq!(networks.size().0, leaves.len());
                for (start, leaf) in placed(&leaves) {
                    let last = start.wrapping_add(unit(leaf.length())).wrapping_sub(1);
                    for address in [start, start + (last - start) / 3, last] {
                        assert_eq!(networks.leaf(address), leaf, "seed {seed}, to {most}");
                        assert_eq!(step_by_step(&networks, address), leaf);
                    }
                }
            }
        }
    }

    #[test]
    fn as_many_leaves_share_a_prefix_as_a_group_can_have() {
        for (length, count) in [(26, 64), (25, 128), (36, 1_u32 << 18)] {
            let prefix = length - count.trailing_zeros() as u8;
            let behind = (1..=prefix).rev().map(|length| Leaf::new(7, length));
            let equal = (0..count).map(|number| Leaf::new(number % 64, length));
            let leaves: Vec<Leaf> = equal.chain(behind).collect();
            let networks = Networks::of(leaves.as_slice(), false, true).unwrap();
            for (start, leaf) in placed(&leaves) {
                assert_eq!(networks.leaf(start), leaf);
            }
        }
    }

    #[test]
    fn where_entries_leave_no_number_for_groups_there_are_none() {
        let leaves =
            [((1 << 24) - 1, 1), (3, 2), (4, 2)].map(|(entry, length)| Leaf::new(entry, length));
        let networks = Networks::of(leaves.as_slice(), false, true).unwrap();
        assert!(networks.grouped.is_none());
        for (start, leaf) in placed(&leaves) {
            assert_eq!(networks.leaf(start), leaf);
        }
    }

    #[test]
    fn rules_within_a_prefix_of_groups_are_those_of_its_leaves() {
        for seed in 0..16 {
            let leaves = random_leaves(seed, 34, 4, 110);
            let placed = placed(&leaves);
            let mut sets = RuleSets::new(&[Fence::ALL; 3]);
            let mut networks = Networks::of(leaves.as_slice(), true, true).unwrap();
            let rule = |entry: u32| entry;
            networks.summarise(&mut sets, rule);
            let sets = sets.finish();
            for (start, leaf) in &placed {
                for length in 0..leaf.length() {
                    let inside = |(at, _): &&(u128, Leaf)| (at ^ start) & mask(length) == 0;
                    let entries = placed.iter().filter(inside).map(|(_, leaf)| leaf.entry());
                    let rules = entries.filter(|entry| *entry > 0);
                    let mut expected: Vec<u16> = rules.map(|entry| entry as u16 - 1).collect();
                    expected.sort_unstable();
                    expected.dedup();
                    let mut found = Vec::new();
                    networks.rules_within(start & mask(length), length, rule, |set| {
                        found.extend(sets[set as usize].pins.iter().copied());
                    });
                    found.sort_unstable();
                    found.dedup();
                    if start & !mask(length) == 0 {
                        assert_eq!(found, expected, "seed {seed}, length {length}");
                    }
                }
            }
        }
    }
}
