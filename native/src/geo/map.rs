//! The map of one geography: client prefix in, regions in order of preference out.

use super::batch::{Batch, next_number};
use super::blocks::{Block, Blocks, Scores, order_by_capacity, order_by_weight};
use super::draws::Drawn;
use super::embedded_v4::{EmbeddedNetworks, Extracted};
use super::fence::{Fence, RuleSet, RuleSets};
use super::leaves::Leaf;
use super::networks::Networks;
use super::preference_list::PreferenceList;
use super::preference_table::PreferenceTable;
use super::ranking::Region;
use super::table_builder::PreferenceTableBuilder;
use crate::wire::prefix::{Family, Prefix};

/// What orders the regions that a client may have.
pub enum Policy {
    /// The table does: by distance, or as listed.
    Listed,
    /// The weights of these regions do, in the order of the service, by a hash of the client's block.
    Weighted(Box<[Region]>),
}

/// Memory for look-ups, one per thread; it grows once and is then used again.
#[derive(Default)]
pub struct Scratch {
    preference: Vec<u8>,
    pins: Vec<u16>,
    scores: Scores,
    pub(super) batch: Batch,
}

impl Scratch {
    /// Enough for any map.
    #[must_use]
    pub fn new() -> Self {
        Self {
            preference: Vec::with_capacity(256),
            pins: Vec::with_capacity(256),
            scores: Vec::with_capacity(256),
            batch: Batch::new(),
        }
    }
}

/// What a look-up found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapEntry<'a> {
    /// The service's regions, best first; none where no region is allowed.
    pub preference: PreferenceList<'a>,
    /// Bits, in the family asked, inside which every address has this same preference list and pins.
    pub scope: u8,
    /// Indices of the pins that made the fence, ascending.
    pub pins: &'a [u16],
}

/// The map of one geography, for any number of services and threads.
pub struct ClientMap {
    /// No other map has it.
    pub(super) number: u64,
    pub(super) v4: Networks,
    pub(super) v6: Networks,
    pub(super) table: PreferenceTable,
    pub(super) sets: Box<[RuleSet]>,
    /// The number of the set of all rules that hold somewhere in IPv4.
    pub(super) every_v4: u32,
    pub(super) policy: Policy,
    /// Of each region where places decide, for clients of whom only the country is sure.
    pub(super) drawn: Box<[Drawn]>,
    pub(super) blocks: Blocks,
    pub(super) embedded: EmbeddedNetworks,
    pub(super) regions: usize,
    pub(super) pins: usize,
}

/// What the trie says of one address.
struct Around<'a> {
    preference: PreferenceList<'a>,
    rule: u32,
    length: u8,
    /// How many of the first regions the client's block draws among.
    drawn: u8,
}

impl ClientMap {
    /// The regions for `client`, the scope in which that holds, and the pins that made it so.
    #[inline]
    pub fn lookup<'a>(&'a self, client: Prefix, scratch: &'a mut Scratch) -> MapEntry<'a> {
        let extracted = self.embedded.extract(client);
        if extracted.prefix.family == Family::V6 {
            let near = self.embedded.near(extracted.prefix);
            if near.overlaps {
                return self.lookup_embedded(extracted.prefix, near.boundary, scratch);
            }
        }
        let prefix = extracted.prefix;
        let around = self.around(prefix, &mut scratch.batch);
        let scope = extracted.scope(self.scope(&around, prefix.family));
        if around.length <= prefix.length || self.pins == 0 {
            let (pins, _) = self.set(around.rule);
            return self.ordered(&around, prefix, scope, pins, scratch);
        }
        let fence = self.rules_within(prefix, scratch);
        // Whether the block draws shows once it is known what the fence leaves.
        let scope = match self.policy {
            Policy::Listed => extracted.scope(around.length),
            Policy::Weighted(_) => scope,
        };
        self.fenced(&around, &fence, extracted, scope, scratch)
    }

    /// The block that `client` lies in, whose draw decides where shares have a part.
    #[cold]
    #[must_use]
    pub fn block(&self, client: Prefix) -> Block {
        let mut extracted = self.embedded.extract(client);
        if extracted.prefix.family == Family::V6 && self.embedded.near(extracted.prefix).overlaps {
            extracted = self
                .embedded
                .extract(Prefix::new(Family::V6, client.address, 128));
        }
        Block {
            prefix: self.blocks.around(extracted.prefix),
            scope: extracted.scope(self.blocks.bits(extracted.prefix.family)),
        }
    }

    /// A map that gives everybody the same regions, and the scope 0.
    #[must_use]
    pub fn same_for_all(preference: &[u8]) -> Option<Self> {
        let mut table = PreferenceTableBuilder::default();
        table.add(0, preference)?;
        Some(Self {
            number: next_number(),
            v4: Networks::new([Leaf::new(0, 0)].as_slice(), false)?,
            v6: Networks::new([Leaf::new(0, 0)].as_slice(), false)?,
            table: table.finish(),
            sets: RuleSets::new(&[]).finish(),
            every_v4: 0,
            policy: Policy::Listed,
            drawn: Box::default(),
            blocks: Blocks { v4: 24, v6: 48 },
            embedded: EmbeddedNetworks::with(&[]),
            regions: preference.len(),
            pins: 0,
        })
    }

    /// How many regions the service has.
    #[must_use]
    pub const fn regions(&self) -> usize {
        self.regions
    }

    /// How many pins there are.
    #[must_use]
    pub const fn pins(&self) -> usize {
        self.pins
    }

    /// Distinct rows, leaves, and octets of memory.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        let ((leaves_v4, octets_v4), (leaves_v6, octets_v6)) = (self.v4.size(), self.v6.size());
        [
            self.table.count(),
            leaves_v4 + leaves_v6,
            octets_v4 + octets_v6 + self.table.size(),
        ]
    }

    /// A prefix too short to tell which IPv4 clients it embeds.
    ///
    /// It is fenced as all of them, and as the IPv6 clients beside. Its scope asks for as many bits
    /// as its first address alone would need, and for one of the embedded address at least.
    #[cold]
    fn lookup_embedded<'a>(
        &'a self,
        client: Prefix,
        boundary: u8,
        scratch: &'a mut Scratch,
    ) -> MapEntry<'a> {
        let first = self
            .embedded
            .extract(Prefix::new(Family::V6, client.address, 128));
        let around = self.around(first.prefix, &mut scratch.batch);
        let scope = (first.scope(self.scope(&around, first.prefix.family)))
            .max(boundary)
            .max(first.scope(1));
        let mut fence = self.rules_within(client, scratch);
        let (pins, embedded) = self.set(self.every_v4);
        fence = fence.and(&embedded);
        scratch.pins.extend(pins);
        scratch.pins.sort_unstable();
        scratch.pins.dedup();
        self.fenced(&around, &fence, first, scope, scratch)
    }

    pub(super) const fn networks(&self, family: Family) -> &Networks {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    #[inline]
    fn around(&self, prefix: Prefix, batch: &mut Batch) -> Around<'_> {
        let known = batch.leaf(self.number, prefix);
        let leaf = match known {
            Some(leaf) => leaf,
            None => self.networks(prefix.family).leaf(prefix.address),
        };
        let row = self.table.get(leaf.entry());
        Around {
            preference: row.preference,
            rule: row.rule,
            length: leaf.length(),
            drawn: row.drawn,
        }
    }

    #[inline]
    fn scope(&self, around: &Around<'_>, family: Family) -> u8 {
        let block = match &self.policy {
            Policy::Listed if around.drawn < 2 => 0,
            _ => self.blocks.bits(family),
        };
        around.length.max(block)
    }

    /// The fence of a prefix that straddles leaves; its pins go to `scratch`.
    #[cold]
    fn rules_within(&self, prefix: Prefix, scratch: &mut Scratch) -> Fence {
        let networks = self.networks(prefix.family);
        let mut fence = Fence::ALL;
        scratch.pins.clear();
        let rule = |entry| self.table.get(entry).rule;
        networks.rules_within(prefix.address, prefix.length, rule, |set| {
            let (pins, allowed) = self.set(set);
            fence = fence.and(&allowed);
            scratch.pins.extend(pins);
        });
        scratch.pins.sort_unstable();
        scratch.pins.dedup();
        fence
    }

    /// Those of `around` inside `fence`, whose pins are in `scratch`; `scope` but for a draw.
    #[cold]
    fn fenced<'a>(
        &'a self,
        around: &Around<'_>,
        fence: &Fence,
        client: Extracted,
        scope: u8,
        scratch: &'a mut Scratch,
    ) -> MapEntry<'a> {
        let Scratch {
            preference: allowed,
            pins,
            scores,
            ..
        } = scratch;
        let holds = |region: &u8| fence.holds(*region);
        allowed.clear();
        allowed.extend(around.preference.iter().filter(holds));
        let block = self.blocks.around(client.prefix);
        let mut scope = scope;
        if let Policy::Weighted(regions) = &self.policy {
            order_by_weight(allowed, regions, block, scores);
        } else if around.drawn > 1 {
            let own = around.preference.iter().take(usize::from(around.drawn));
            let drawn = own.filter(holds).count();
            if let Some(own) = allowed.get_mut(..drawn).filter(|own| own.len() > 1) {
                order_by_capacity(own, &self.drawn, block, scores);
                let bits = self.blocks.bits(client.prefix.family);
                scope = scope.max(client.scope(bits));
            }
        }
        MapEntry {
            preference: PreferenceList::new(allowed, &[]),
            scope,
            pins,
        }
    }

    #[inline]
    fn ordered<'a>(
        &'a self,
        around: &Around<'a>,
        client: Prefix,
        scope: u8,
        pins: &'a [u16],
        scratch: &'a mut Scratch,
    ) -> MapEntry<'a> {
        let preference = around.preference;
        if matches!(self.policy, Policy::Listed) && around.drawn < 2 {
            return MapEntry {
                preference,
                scope,
                pins,
            };
        }
        scratch.preference.clear();
        scratch.preference.extend(preference.iter());
        let block = self.blocks.around(client);
        if let Policy::Weighted(regions) = &self.policy {
            order_by_weight(&mut scratch.preference, regions, block, &mut scratch.scores);
        } else if let Some(own) = scratch.preference.get_mut(..usize::from(around.drawn)) {
            order_by_capacity(own, &self.drawn, block, &mut scratch.scores);
        }
        MapEntry {
            preference: PreferenceList::new(&scratch.preference, &[]),
            scope,
            pins,
        }
    }

    /// The pins of a rule set and its fence.
    #[inline]
    fn set(&self, number: u32) -> (&[u16], Fence) {
        match self.sets.get(number as usize) {
            Some(set) => (&set.pins, set.fence),
            None => (&[], Fence::NONE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_for_all_gives_everybody_the_same() {
        let map = ClientMap::same_for_all(&[2, 0, 1]).unwrap();
        let mut scratch = Scratch::new();
        let found = MapEntry {
            preference: PreferenceList::new(&[2, 0, 1], &[]),
            scope: 0,
            pins: &[],
        };
        assert_eq!(
            map.lookup(Prefix::host_v4([192, 0, 2, 1]), &mut scratch),
            found
        );
        assert_eq!(map.lookup(Prefix::host_v6([0x20; 16]), &mut scratch), found);
        assert_eq!(map.regions(), 3);
    }
}
