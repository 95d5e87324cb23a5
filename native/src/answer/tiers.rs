//! What a client of a pair of services is given: `resolverd/snapshot/tiers.py` in Rust.

use super::Answer;
use crate::geo::{MapEntry, PreferenceList};
use crate::tables::{Decision, ServicePlan, Tier};
use crate::wire::prefix::Prefix;

impl<'a> Answer<'a, '_> {
    /// Decide for a client of the service `number`, which is one of a pair, and count it.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_in_pair(&mut self, number: u32, tier: &Tier) -> Option<Decision<'a>> {
        let plan = self.plan;
        let (edge, core) = (plan.service(tier.edge)?, plan.service(tier.core)?);
        let behind = number == tier.core;
        let subnet = self.subnet(edge.ecs && (core.ecs || !behind));
        let client = subnet.unwrap_or(*self.source);
        self.chain.service = tier.edge;
        let (decision, scope) = if behind {
            self.decide_behind(tier, edge, core, client)?
        } else {
            self.decide_at_edge(tier, edge, core, client, true)?
        };
        if subnet.is_some() {
            self.reply.scope = self.reply.scope.max(scope);
        }
        Some(decision)
    }

    /// What the edge service gives a client; counted where it is `given` that.
    fn decide_at_edge(
        &mut self,
        tier: &Tier,
        edge: &'a ServicePlan,
        core: &'a ServicePlan,
        client: Prefix,
        given: bool,
    ) -> Option<(Decision<'a>, u8)> {
        let plan = self.plan;
        let (map, pin_slots) = plan.map(edge)?;
        let asked = self.asked(tier.edge, edge, map, client, false);
        let found = map.lookup(client, &mut self.chain.map);
        let mut scope = found.scope;
        let mut regions = Regions::new();
        regions.extend(found.preference.iter());
        if given {
            asked.count_pins(found.pins, pin_slots);
        }
        let serves = (self.snapshot.steering()).any_serves(tier.edge, regions.list());
        if tier.behind != 0 && (!serves || scope > client.length) {
            let (core_map, _) = plan.map(core)?;
            let found = core_map.lookup(client, &mut self.chain.map);
            scope = scope.max(found.scope);
            let mut allowed = Regions::new();
            allowed.extend(found.preference.iter());
            if let Some(fenced) = plan.fenced(tier) {
                let fence = fenced.lookup(client, &mut self.chain.map);
                scope = scope.max(fence.scope);
                let fence = Members::of(fence.preference.iter());
                allowed = Regions::of(allowed.list().iter().filter(|region| fence.has(*region)));
            }
            if !serves {
                let own = map.regions();
                let here = { allowed.list().iter() }.filter_map(|region| plan.here(tier, region));
                regions.extend(here.filter(|region| usize::from(*region) >= own));
            }
        }
        let entry = MapEntry {
            preference: regions.list(),
            scope,
            pins: &[],
        };
        let sampler = given.then_some(&mut self.chain.sampler);
        let (decision, scope) = asked.decide(&entry, sampler, &mut self.chain.earlier)?;
        if given {
            asked.count(&decision)?;
        }
        Some((decision, scope))
    }

    /// What the core service gives a client, as seen from what the edge service gives it.
    fn decide_behind(
        &mut self,
        tier: &Tier,
        edge: &'a ServicePlan,
        core: &'a ServicePlan,
        client: Prefix,
    ) -> Option<(Decision<'a>, u8)> {
        let plan = self.plan;
        let (first, edge_scope) = self.decide_at_edge(tier, edge, core, client, false)?;
        let (map, pin_slots) = plan.map(core)?;
        let asked = self.asked(tier.core, core, map, client, first.region.is_some());
        let found = map.lookup(client, &mut self.chain.map);
        let regions = match first.region {
            Some((region, _)) => {
                let allowed = Members::of(found.preference.iter());
                let order = plan.seen_from(tier, region).iter().copied();
                Regions::of(order.filter(|region| allowed.has(*region)))
            }
            None => Regions::of(found.preference.iter()),
        };
        let entry = MapEntry {
            preference: regions.list(),
            scope: found.scope.max(edge_scope),
            pins: found.pins,
        };
        let (mut decision, scope) = asked.decide(
            &entry,
            Some(&mut self.chain.sampler),
            &mut self.chain.earlier,
        )?;
        decision.ttl = decision.ttl.min(first.ttl);
        asked.count(&decision)?;
        asked.count_pins(entry.pins, pin_slots);
        Some((decision, scope))
    }
}

/// Numbers of regions of one service, in an order.
struct Regions {
    numbers: [u8; 256],
    count: usize,
}

impl Regions {
    const fn new() -> Self {
        Self {
            numbers: [0; 256],
            count: 0,
        }
    }

    fn of(regions: impl Iterator<Item = u8>) -> Self {
        let mut made = Self::new();
        made.extend(regions);
        made
    }

    /// Add these; a service has no more regions than there is room for.
    fn extend(&mut self, regions: impl Iterator<Item = u8>) {
        for region in regions {
            if let Some(free) = self.numbers.get_mut(self.count) {
                *free = region;
                self.count += 1;
            }
        }
    }

    fn list(&self) -> PreferenceList<'_> {
        PreferenceList::new(self.numbers.get(..self.count).unwrap_or_default(), &[])
    }
}

/// A set of regions.
pub(super) struct Members([u64; 4]);

impl Members {
    pub(super) fn of(regions: impl Iterator<Item = u8>) -> Self {
        let mut made = Self([0; 4]);
        for region in regions {
            if let Some(word) = made.0.get_mut(usize::from(region >> 6)) {
                *word |= 1 << (region & 63);
            }
        }
        made
    }

    pub(super) fn has(&self, region: u8) -> bool {
        let word = self.0.get(usize::from(region >> 6)).copied();
        word.unwrap_or_default() >> (region & 63) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of() {
        let regions = [0, 63, 64, 200, 255];
        let set = Members::of(regions.into_iter());
        for region in 0..=255 {
            assert_eq!(set.has(region), regions.contains(&region), "{region}");
        }
    }

    #[test]
    fn a_list_takes_as_many_regions_as_a_service_may_have_and_drops_more() {
        let mut regions = Regions::of(0..=255);
        regions.extend([7].into_iter());
        assert!(regions.list().iter().eq(0..=255));
    }
}
