//! The answer of a service: the client's preference list, walked to the first that serves.

use super::scratch::Sampler;
use super::{Answer, Next, Snapshot, held};
use crate::geo::{ClientMap, MapEntry, draw_word};
use crate::io::block_samples::BlockSample;
use crate::io::counters::Counters;
use crate::io::slots::{FIRST_CHOICE, TTL_BOUNDS, TTL_BUCKETS, TTL_SUM};
use crate::tables::{Decision, NoRegion, Node, Outcome, RegionRecords, ServicePlan};
use crate::wire::codes::{rcode, rtype};
use crate::wire::prefix::Prefix;

impl<'a> Answer<'a, '_> {
    pub(super) fn steered(
        &mut self,
        name: &[u8],
        node: &Node,
        service: &'a ServicePlan,
        zone: u32,
    ) -> Next {
        let decision = match self.plan.tier(node.tier) {
            None => self.decide(node.service, service)?,
            Some(tier) => self.decide_in_pair(node.service, tier)?,
        };
        self.reply.error = decision.outcome.extended_error();
        let ttl = decision.ttl.min(node.ceiling);
        let Some((_, state)) = decision.region else {
            let no_region = match decision.outcome {
                Outcome::NoRegion | Outcome::NoAddress => service.no_region,
                Outcome::Nodata => NoRegion::Nodata,
                Outcome::Cname => NoRegion::Cname,
                _ => NoRegion::Servfail,
            };
            return self.without_region(name, service, zone, no_region, ttl);
        };
        let pool = &self.snapshot.steering().pool;
        let target = pool.get(state.records.cname);
        if !target.is_empty() {
            self.give_ttl(service, ttl);
            self.writer.alias(name, target, ttl);
            return self.target(target);
        }
        self.addresses(name, &state.records, service, ttl, zone);
        None
    }

    /// Say that no region answers.
    #[cold]
    fn without_region(
        &mut self,
        name: &[u8],
        service: &ServicePlan,
        zone: u32,
        no_region: NoRegion,
        ttl: u32,
    ) -> Next {
        let plan = self.plan;
        let target = { plan.zone(zone) }.map_or(&[][..], |zone| plan.pool.get(zone.no_region));
        match no_region {
            NoRegion::Cname if !target.is_empty() => {
                self.give_ttl(service, ttl);
                self.writer.alias(name, target, ttl);
                return self.target(target);
            }
            NoRegion::Servfail => self.refuse(rcode::SERVFAIL),
            NoRegion::Refused => self.refuse(rcode::REFUSED),
            NoRegion::Nodata | NoRegion::Cname => self.steered_negative(zone, service, ttl),
        }
        None
    }

    fn addresses(
        &mut self,
        name: &[u8],
        records: &RegionRecords,
        service: &ServicePlan,
        ttl: u32,
        zone: u32,
    ) {
        let pool = &self.snapshot.steering().pool;
        let id = usize::from(self.query.id);
        let v4 = self.query.qtype == rtype::A;
        let ttl = ttl.min(if v4 { records.a_ttl } else { records.aaaa_ttl });
        if v4 {
            let octets = pool.get(records.a);
            if let Some(start) = id.checked_rem(octets.len() / 4) {
                self.give_ttl(service, ttl);
                self.writer
                    .addresses::<4>(name, rtype::A, ttl, octets, start);
                return;
            }
        } else {
            let octets = pool.get(records.aaaa);
            if let Some(start) = id.checked_rem(octets.len() / 16) {
                self.give_ttl(service, ttl);
                self.writer
                    .addresses::<16>(name, rtype::AAAA, ttl, octets, start);
                return;
            }
        }
        self.steered_negative(zone, service, ttl);
    }

    fn steered_negative(&mut self, zone: u32, service: &ServicePlan, ttl: u32) {
        let negative = self.plan.zone(zone).map_or(0, |zone| zone.negative_ttl);
        let ttl = ttl.min(negative);
        self.give_ttl(service, ttl);
        self.negative(zone, Some(ttl));
    }

    fn refuse(&mut self, rcode: u16) {
        self.reply.rcode = rcode;
        self.reply.flags = 0;
    }

    /// Look the client up, decide, and count it.
    fn decide(&mut self, number: u32, service: &'a ServicePlan) -> Option<Decision<'a>> {
        let subnet = self.subnet(service.ecs);
        self.chain.service = number;
        let (map, pin_slots) = self.plan.map(service)?;
        let client = subnet.unwrap_or(*self.source);
        let asked = self.asked(number, service, map, client, false);
        let found = map.lookup(client, &mut self.chain.map);
        let (decision, scope) = asked.decide(
            &found,
            Some(&mut self.chain.sampler),
            &mut self.chain.earlier,
        )?;
        if subnet.is_some() {
            self.reply.scope = self.reply.scope.max(scope);
        }
        asked.count(&decision)?;
        asked.count_pins(found.pins, pin_slots);
        Some(decision)
    }

    /// One client of a service; `reordered` as [`Asked`] has it.
    #[inline]
    pub(super) const fn asked(
        &self,
        number: u32,
        service: &'a ServicePlan,
        map: &'a ClientMap,
        client: Prefix,
        reordered: bool,
    ) -> Asked<'a> {
        Asked {
            snapshot: self.snapshot,
            counters: self.counters,
            number,
            service,
            map,
            client,
            reordered,
        }
    }

    /// The client subnet of the query, where that is `honoured`.
    #[inline]
    pub(super) fn subnet(&self, honoured: bool) -> Option<Prefix> {
        let subnet = self.query.edns.and_then(|edns| edns.subnet?.prefix);
        subnet.filter(|_| honoured)
    }

    fn give_ttl(&self, service: &ServicePlan, ttl: u32) {
        let bucket = TTL_BOUNDS.iter().take_while(|bound| **bound < ttl).count();
        let slot = service.slot as usize;
        self.counters.add(slot + TTL_BUCKETS + bucket, 1);
        self.counters.add(slot + TTL_SUM, u64::from(ttl));
    }
}

/// One client of one service, whose answer is to be decided.
pub(super) struct Asked<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) counters: &'a Counters,
    /// The service.
    pub(super) number: u32,
    pub(super) service: &'a ServicePlan,
    /// Its client map.
    pub(super) map: &'a ClientMap,
    pub(super) client: Prefix,
    /// Whether the client's list is not in the order of that map.
    pub(super) reordered: bool,
}

impl<'a> Asked<'a> {
    /// What the client is given by its map entry, and the scope in which that holds.
    ///
    /// Without a `sampler` no query is kept to weigh its block; `earlier` is memory for a look-up in
    /// the client map before.
    #[inline]
    pub(super) fn decide(
        &self,
        found: &MapEntry<'_>,
        sampler: Option<&mut Sampler>,
        earlier: &mut held::Scratch,
    ) -> Option<(Decision<'a>, u8)> {
        let (steering, mut scope) = (self.snapshot.steering(), found.scope);
        let (number, service) = (self.number, self.service);
        let mut decision = steering.decide(number, service, found.preference);
        if let Some((home, state)) = decision.region
            && let Some(queries) = state.sampled().checked_sub(1)
            && decision.outcome == Outcome::Serving
            && let Some(sampler) = sampler
            && sampler.draws(queries)
        {
            self.counters.blocks.put(BlockSample {
                region: self.snapshot.plan().region_slot(service, home)? as u32,
                queries,
                word: draw_word(self.map.block(self.client).prefix),
            });
        }
        // A client too short for its list hears of the block that parts of it will need.
        let divided = || service.trickle > 0.0 || steering.spills(number);
        if decision.per_block || scope > self.client.length && divided() {
            let block = self.map.block(self.client);
            scope = scope.max(block.scope);
            decision = steering.apply_draw(
                decision,
                number,
                service,
                found.preference,
                draw_word(block.prefix),
            );
        }
        if let Some(epochs) = steering.epochs(number) {
            self.hold(epochs, found, &mut decision, &mut scope, earlier);
        }
        if decision.outcome == Outcome::NoRegion && found.scope > self.client.length {
            decision.ttl = 0; // it holds for a part of this client at most
        }
        Some((decision, scope))
    }

    /// Count what was decided.
    #[inline]
    pub(super) fn count(&self, decision: &Decision<'_>) -> Option<()> {
        let block = match decision.region {
            Some((region, _)) => {
                let block = { self.snapshot.plan() }.region_slot(self.service, region)?;
                if decision.first {
                    self.counters
                        .add(block + FIRST_CHOICE + decision.outcome.slot(), 1);
                }
                block
            }
            None => self.service.slot as usize,
        };
        self.counters.add(block + decision.outcome.slot(), 1);
        Some(())
    }

    /// Count the pins that made the fence.
    #[inline]
    pub(super) fn count_pins(&self, pins: &[u16], slots: &[u32]) {
        for pin in pins {
            if let Some(slot) = slots.get(usize::from(*pin)) {
                self.counters.add(*slot as usize, 1);
            }
        }
    }
}
