//! Pairs of services: an edge service and the core service behind it.

use super::{Plan, ServicePlan};
use crate::geo::ClientMap;
use crate::tables::records::TierRecord;
use crate::tables::{NONE, Pool, Run};

/// An edge service and the core service behind it.
pub struct Tier {
    /// The edge service.
    pub edge: u32,
    /// The core service.
    pub core: u32,
    /// How many regions of the core answer behind the edge's own.
    pub behind: u32,
    /// The map of what the edge's pins allow of the core's regions, or [`NONE`].
    fenced: u32,
    /// For each region of the core its number in the edge service, or [`NOWHERE`].
    here: Run,
    /// For each region of the edge service all of the core's, the nearest first.
    orders: Run,
}

/// The number of a region that the edge service never answers with.
const NOWHERE: u8 = u8::MAX;

const WRONG: &str = "a pair of services has regions that are not there";

/// One pair, whose services are among `services`.
pub(super) fn tier(
    record: &TierRecord,
    services: &[ServicePlan],
    pool: &Pool,
) -> Result<Tier, &'static str> {
    let regions = |number: u32| {
        let service = services.get(number as usize);
        let regions = service.map(|service| service.regions);
        regions.ok_or("a pair has a service that is not there")
    };
    let (edge, core) = (regions(record.edge)?, regions(record.core)?);
    let orders = edge.checked_mul(core).ok_or(WRONG)?;
    let after = record.at.checked_add(core).ok_or(WRONG)?;
    let tier = Tier {
        edge: record.edge,
        core: record.core,
        behind: record.behind,
        fenced: record.fenced,
        here: pool.run(record.at, core)?,
        orders: pool.run(after, orders)?,
    };
    let below = |octet: &u8, count: u32| u32::from(*octet) < count;
    let here = { pool.get(tier.here).iter() }.all(|octet| *octet == NOWHERE || below(octet, edge));
    if !here || !pool.get(tier.orders).iter().all(|octet| below(octet, core)) {
        return Err(WRONG);
    }
    Ok(tier)
}

impl Plan {
    /// The pair of that index, None for [`NONE`].
    #[must_use]
    #[inline]
    pub fn tier(&self, index: u32) -> Option<&Tier> {
        self.tiers.get(index as usize)
    }

    /// The map of what the edge's pins allow of the core's regions; None where the core's own does.
    #[must_use]
    pub fn fenced(&self, tier: &Tier) -> Option<&ClientMap> {
        { self.maps.get(tier.fenced as usize) }.map(|mapped| &*mapped.map)
    }

    /// The number in the edge service of a region of the core; None where it never answers there.
    #[must_use]
    pub fn here(&self, tier: &Tier, region: u8) -> Option<u8> {
        let numbers = self.pool.get(tier.here);
        let here = numbers.get(usize::from(region)).copied();
        here.filter(|number| *number != NOWHERE)
    }

    /// The regions of the core as seen from a region of the edge service, the nearest first.
    #[must_use]
    pub fn seen_from(&self, tier: &Tier, region: u8) -> &[u8] {
        let count = tier.here.len();
        let at = usize::from(region) * count;
        self.pool
            .get(tier.orders)
            .get(at..at + count)
            .unwrap_or_default()
    }

    /// Whether the maps and the services of all pairs fit one another.
    pub(super) fn check_tiers(&self) -> Result<(), &'static str> {
        for (index, service) in (0_u32..).zip(&self.services) {
            let mut pairs = self.tiers.iter().filter(|tier| tier.edge == index);
            let behind = pairs.next().map_or(0, |tier| tier.behind as usize);
            let (map, _) = self.map(service).ok_or("a service has no client map")?;
            if pairs.next().is_some() || map.regions() + behind != service.regions as usize {
                return Err("a service has other regions than its client map");
            }
        }
        for tier in &self.tiers {
            let core = self.service(tier.core).map(|core| core.regions as usize);
            let fits = |map: &ClientMap| Some(map.regions()) == core;
            if tier.fenced != NONE && !self.fenced(tier).is_some_and(fits) {
                return Err("a pair is fenced by a map of other regions");
            }
        }
        let paired = |number: u32, index: u32| {
            { self.tier(index) }.is_some_and(|tier| number == tier.edge || number == tier.core)
        };
        if { self.nodes.iter() }.any(|node| node.tier != NONE && !paired(node.service, node.tier)) {
            return Err("a name leads to a pair that is not there");
        }
        Ok(())
    }
}
