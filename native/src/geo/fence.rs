//! Sets of rules (pins), and the fence that each set leaves: an intersection of regions.

use std::collections::HashMap;

/// Regions by index, 256 at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence([u64; 4]);

impl Fence {
    /// Every region.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// No region.
    pub const NONE: Self = Self([0; 4]);

    /// This fence with a region in it.
    #[must_use]
    pub fn with(mut self, region: u8) -> Self {
        if let Some(word) = self.0.get_mut(usize::from(region >> 6)) {
            *word |= 1 << (region & 63);
        }
        self
    }

    /// Whether the region lies inside.
    #[must_use]
    #[inline]
    pub fn holds(&self, region: u8) -> bool {
        self.0
            .get(usize::from(region >> 6))
            .is_some_and(|word| word >> (region & 63) & 1 == 1)
    }

    /// What both allow.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.0;
        for (mine, theirs) in both.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
        Self(both)
    }
}

/// The rules that hold somewhere in a prefix, and what they leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleSet {
    /// Pins, ascending.
    pub pins: Box<[u16]>,
    /// What all of them allow.
    pub fence: Fence,
}

/// Distinct rule sets by number: 0 holds no pin, `p + 1` the pin `p` alone, then unions.
pub struct RuleSets {
    sets: Vec<RuleSet>,
    numbers: HashMap<Box<[u16]>, u32>,
    unions: HashMap<(u32, u32), u32>,
}

impl RuleSets {
    /// The empty set, and one for each pin, whose fence is given.
    #[must_use]
    pub fn new(pins: &[Fence]) -> Self {
        let mut new = Self {
            sets: Vec::new(),
            numbers: HashMap::new(),
            unions: HashMap::new(),
        };
        new.number(RuleSet {
            pins: Box::new([]),
            fence: Fence::ALL,
        });
        for (pin, fence) in (0..=u16::MAX).zip(pins) {
            new.number(RuleSet {
                pins: Box::new([pin]),
                fence: *fence,
            });
        }
        new
    }

    /// The number of the union of two sets.
    pub fn union(&mut self, a: u32, b: u32) -> u32 {
        if a == b || b == 0 {
            return a;
        }
        if a == 0 {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(&known) = self.unions.get(&pair) {
            return known;
        }
        let (Some(one), Some(other)) = (self.sets.get(a as usize), self.sets.get(b as usize))
        else {
            return a;
        };
        let mut pins: Vec<u16> = one.pins.iter().chain(&other.pins).copied().collect();
        pins.sort_unstable();
        pins.dedup();
        let united = self.number(RuleSet {
            pins: pins.into_boxed_slice(),
            fence: one.fence.and(&other.fence),
        });
        self.unions.insert(pair, united);
        united
    }

    /// The sets in the order of their numbers.
    #[must_use]
    pub fn finish(self) -> Box<[RuleSet]> {
        self.sets.into_boxed_slice()
    }

    fn number(&mut self, set: RuleSet) -> u32 {
        if let Some(&known) = self.numbers.get(&set.pins) {
            return known;
        }
        let number = self.sets.len() as u32;
        self.numbers.insert(set.pins.clone(), number);
        self.sets.push(set);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_holds_both_and_allows_what_both_allow() {
        let ab = Fence::NONE.with(0).with(200);
        let bc = Fence::NONE.with(200).with(255);
        let mut sets = RuleSets::new(&[ab, bc]);
        let both = sets.union(2, 1);
        assert_eq!(sets.union(1, 2), both);
        assert_eq!(sets.union(both, 1), both);
        assert_eq!(sets.union(0, 2), 2);
        let sets = sets.finish();
        let united = &sets[both as usize];
        assert_eq!(*united.pins, [0, 1]);
        assert!(united.fence.holds(200) && !united.fence.holds(0) && !united.fence.holds(255));
        assert!(sets[0].fence.holds(77));
    }
}
