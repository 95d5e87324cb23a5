//! The Plan: names, RRsets, and for each service its client map and its TTLs.

mod before;
mod check;
mod load;
mod prefetch;
mod raw;
mod tiers;

pub use prefetch::PREFETCH;
pub use tiers::Tier;

use super::names::Names;
use super::outcome::{AllDown, NoRegion};
use super::{Pool, Run};
use crate::geo::ClientMap;
use crate::wire::name::Suffix;
use std::sync::Arc;

/// An RRset: whole records, or records in parts (see `rrset.rs`).
#[derive(Clone, Copy, Default)]
pub struct RrsetWire {
    /// TYPE.
    pub rtype: u16,
    /// Whether its RDATA has names that may be compressed.
    pub in_parts: bool,
    /// How many records.
    pub count: u16,
    /// TTL in seconds.
    pub ttl: u32,
    /// The records.
    pub records: Run,
    /// Where an alias leads: of CNAME and DNAME.
    pub target: Run,
}

/// An owner name that exists, in one zone; without RRsets it is an empty non-terminal.
///
/// It fills a cache line, its first RRset with it, for of a large zone hardly any line is in
/// the cache when it is asked for.
#[repr(align(64))]
pub struct Node {
    name: Run,
    /// A copy of the first RRset, where there is one.
    head: RrsetWire,
    first: u32,
    rrsets: u16,
    /// Whether its zone is the closest one to its name.
    pub closest: bool,
    /// The zone.
    pub zone: u32,
    /// The service that answers here, or [`NONE`].
    pub service: u32,
    /// The ceiling of that answer's TTL.
    pub ceiling: u32,
    /// The zone cut at or above, or [`NONE`].
    pub referral: u32,
    /// The pair that the service is one of, or [`NONE`].
    pub tier: u32,
}

/// A zone.
pub struct ZonePlan {
    /// Its apex as written.
    pub apex: Run,
    /// The index of its SOA RRset.
    pub soa: u32,
    /// The TTL of a negative answer (RFC 2308 §5).
    pub negative_ttl: u32,
    /// A name without an address, for clients who can be given no region; empty for none.
    pub no_region: Run,
}

/// A zone cut.
pub struct Referral {
    /// Its owner as written.
    pub owner: Run,
    /// The index of its NS RRset.
    pub ns: u32,
    first: u32,
    count: u32,
}

/// One address RRset below a cut.
pub struct Glue {
    /// Its owner as written.
    pub owner: Run,
    /// The index of the RRset.
    pub rrset: u32,
}

/// A service.
pub struct ServicePlan {
    /// Seconds that an answer is kept while all is well.
    pub ttl: f64,
    /// Seconds that it is kept when it may change at once.
    pub failover_ttl: f64,
    /// The share of clients that the second region of their list is given.
    pub trickle: f64,
    /// What to answer when every region is down.
    pub all_down: AllDown,
    /// How a client is answered who can be given no region.
    pub no_region: NoRegion,
    /// Whether client subnets are honoured.
    pub ecs: bool,
    /// Whether every QTYPE gets the region's hostname.
    pub cname: bool,
    /// The first of its own counters.
    pub slot: u32,
    map: u32,
    /// The client map before, or [`NONE`](crate::tables::NONE).
    earlier_map: u32,
    /// Of each region there its number now.
    earlier_regions: Run,
    first: u32,
    regions: u32,
}

/// A client map and where each of its pins counts.
struct Mapped {
    map: Arc<ClientMap>,
    first: u32,
    pins: u32,
}

/// Everything that operators write.
pub struct Plan {
    /// Which Plan this is.
    pub generation: u64,
    /// The share of queries that are written to the log.
    pub query_log: f64,
    /// What this server accepts and sends at most over UDP, in octets.
    pub udp_payload: u16,
    /// Its identifier, perhaps empty.
    pub nsid: Box<[u8]>,
    /// What all of these point into.
    pub pool: Pool,
    /// The zones, the first of which is asked by the self-check.
    pub zones: Box<[ZonePlan]>,
    names: Names,
    nodes: Box<[Node]>,
    rrsets: Box<[RrsetWire]>,
    referrals: Box<[Referral]>,
    glue: Box<[Glue]>,
    services: Box<[ServicePlan]>,
    maps: Box<[Mapped]>,
    tiers: Box<[Tier]>,
    region_slots: Box<[u32]>,
    pin_slots: Box<[u32]>,
}

impl Plan {
    /// The RRset of that index.
    #[must_use]
    #[inline]
    pub fn rrset(&self, index: u32) -> Option<&RrsetWire> {
        self.rrsets.get(index as usize)
    }

    /// The RRset of that type at a node.
    #[must_use]
    #[inline]
    pub fn rrset_at<'p>(&'p self, node: &'p Node, rtype: u16) -> Option<&'p RrsetWire> {
        if node.rrsets > 0 && node.head.rtype == rtype {
            return Some(&node.head);
        }
        let others = usize::from(node.rrsets.checked_sub(1)?);
        let first = node.first as usize + 1;
        self.rrsets
            .get(first..first + others)?
            .iter()
            .find(|rrset| rrset.rtype == rtype)
    }

    /// Whether a node has any RRset.
    #[must_use]
    pub const fn has_rrsets(&self, node: &Node) -> bool {
        node.rrsets != 0
    }

    /// The zone of that index.
    #[must_use]
    pub fn zone(&self, index: u32) -> Option<&ZonePlan> {
        self.zones.get(index as usize)
    }

    /// The zone cut of that index, None for [`NONE`].
    #[must_use]
    pub fn referral(&self, index: u32) -> Option<&Referral> {
        self.referrals.get(index as usize)
    }

    /// The glue of a zone cut.
    #[must_use]
    pub fn glue(&self, referral: &Referral) -> &[Glue] {
        slice(&self.glue, referral.first, referral.count)
    }

    /// The service of that index, None for [`NONE`].
    #[must_use]
    pub fn service(&self, index: u32) -> Option<&ServicePlan> {
        self.services.get(index as usize)
    }

    /// All services.
    #[must_use]
    pub fn services(&self) -> &[ServicePlan] {
        &self.services
    }

    /// How many regions a service has.
    #[must_use]
    pub const fn regions(&self, service: &ServicePlan) -> usize {
        service.regions as usize
    }

    /// The first counter of a region of a service.
    #[must_use]
    pub fn region_slot(&self, service: &ServicePlan, region: u8) -> Option<usize> {
        slice(&self.region_slots, service.first, service.regions)
            .get(usize::from(region))
            .map(|slot| *slot as usize)
    }

    /// A service's client map, and the counters of the map's pins.
    #[must_use]
    pub fn map(&self, service: &ServicePlan) -> Option<(&ClientMap, &[u32])> {
        let mapped = self.maps.get(service.map as usize)?;
        Some((
            &mapped.map,
            slice(&self.pin_slots, mapped.first, mapped.pins),
        ))
    }

    /// The client map that a service had before, and of each region there its number now: one that
    /// the service has no more has none of its numbers.
    #[must_use]
    pub fn earlier_map(&self, service: &ServicePlan) -> Option<(&ClientMap, &[u8])> {
        let mapped = self.maps.get(service.earlier_map as usize)?;
        Some((&mapped.map, self.pool.get(service.earlier_regions)))
    }

    /// The node with this name that `accept` takes, by its index.
    #[must_use]
    #[inline]
    pub fn find(&self, name: Suffix<'_>, accept: impl Fn(&Node) -> bool) -> Option<(u32, &Node)> {
        self.names.find(name.hash, |index| {
            let node = self.nodes.get(index as usize)?;
            (self.pool.get(node.name) == name.octets && accept(node)).then_some((index, node))
        })
    }
}

fn slice<T>(all: &[T], first: u32, count: u32) -> &[T] {
    let first = first as usize;
    all.get(first..first + count as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_fills_a_cache_line() {
        assert_eq!(size_of::<Node>(), 64);
    }
}
