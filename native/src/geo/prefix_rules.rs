//! Subnet pins, own places and IPv4-embedded prefixes as one binary trie, which is walked beside the databases'.

use super::embedded_v4::EmbeddedNetworks;
use super::geography::Geography;
use crate::wire::prefix::{Family, Prefix};

/// The node behind which nothing is pinned and nothing embedded.
pub const EMPTY: u32 = 0;

/// The node of the whole space.
pub const ROOT: u32 = 1;

/// What begins at one prefix.
#[derive(Clone, Copy, Default)]
pub struct RuleNode {
    /// Where the two halves continue; [`EMPTY`] where nothing begins in them.
    pub halves: [u32; 2],
    /// The rule of a pin for this very prefix; 0 for none.
    pub rule: u16,
    /// The operator's own place for this very prefix, an index plus one; 0 for none.
    pub own: u16,
    /// Whether its addresses embed IPv4 ones: its clients are looked up in IPv4.
    pub embedded_v4: bool,
}

/// The trie of one family.
pub struct PrefixRules(Vec<RuleNode>);

impl PrefixRules {
    /// The pins and IPv4-embedded prefixes of one family.
    #[must_use]
    pub fn new(geography: &Geography, family: Family) -> Self {
        let mut rules = Self(vec![RuleNode::default(), RuleNode::default()]);
        for (prefix, pin) in &geography.subnets {
            if prefix.family == family {
                rules.mark(*prefix, |node| node.rule = pin.saturating_add(1));
            }
        }
        for (prefix, own) in &geography.own_subnets {
            if prefix.family == family {
                rules.mark(*prefix, |node| node.own = own.saturating_add(1));
            }
        }
        if family == Family::V6 {
            for network in EmbeddedNetworks::with(&geography.nat64).networks() {
                rules.mark(network, |node| node.embedded_v4 = true);
            }
        }
        rules
    }

    /// A node by its number.
    #[must_use]
    #[inline]
    pub fn node(&self, number: u32) -> RuleNode {
        self.0.get(number as usize).copied().unwrap_or_default()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn mark(&mut self, prefix: Prefix, mark: impl FnOnce(&mut RuleNode)) {
        let mut number = ROOT as usize;
        for depth in 0..prefix.length {
            let side = (prefix.address << depth >> 127) as usize;
            let new = self.0.len();
            let Some(next) = self.0.get_mut(number).and_then(|n| n.halves.get_mut(side)) else {
                return;
            };
            if *next == EMPTY {
                *next = new as u32;
                number = new;
                self.0.push(RuleNode::default());
            } else {
                number = *next as usize;
            }
        }
        if let Some(node) = self.0.get_mut(number) {
            mark(node);
        }
    }
}
