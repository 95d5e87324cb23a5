//! Loading a Plan's image: the sections one after another, then the checks.
//!
//! Of an edited Plan most records are those of the Plan before, at the same places and of the same
//! octets, which were looked at then.

use super::before::Before;
use super::{Glue, Mapped, Plan, Referral, ZonePlan, raw, tiers};
use crate::geo::ClientMap;
use crate::tables::image::Reader;
use crate::tables::names::Names;
use crate::tables::records::{
    ClientMapRecord, GlueRecord, NodeRecord, PLAN_MAGIC, PlanHead, ReferralRecord, RrsetRecord,
    ServiceRecord, TierRecord, ZoneRecord,
};
use crate::tables::{NONE, Run};
use std::sync::Arc;

impl Plan {
    /// Load an image made by `resolverd/engine/image.py`, with the client maps it counts on.
    ///
    /// It is what it would be without the Plan `before`, with which it takes less time where the
    /// image was made of that one's.
    pub fn load(
        image: &[u8],
        maps: Vec<Arc<ClientMap>>,
        before: Option<&Self>,
    ) -> Result<Self, &'static str> {
        let mut from = Reader::new(image, PLAN_MAGIC)?;
        let head = PlanHead::read(&mut from)?;
        let zones = from.records(head.zones, ZoneRecord::SIZE, ZoneRecord::read)?;
        // Read below, into what is made of them: of a large zone they are megabytes.
        let mut nodes = from.section(head.nodes, NodeRecord::SIZE)?;
        let mut rrsets = from.section(head.rrsets, RrsetRecord::SIZE)?;
        let referrals = from.records(head.referrals, ReferralRecord::SIZE, ReferralRecord::read)?;
        let glue = from.records(head.glue, GlueRecord::SIZE, GlueRecord::read)?;
        let services = from.records(head.services, ServiceRecord::SIZE, ServiceRecord::read)?;
        let mapped = from.records(head.maps, ClientMapRecord::SIZE, ClientMapRecord::read)?;
        let pairs = from.records(head.tiers, TierRecord::SIZE, TierRecord::read)?;
        let region_slots = from.records(head.region_slots, 4, Reader::u32)?;
        let pin_slots = from.records(head.pin_slots, 4, Reader::u32)?;
        let nsid = from.octets(usize::from(head.nsid))?;
        let pool = from.pool(head.pool)?;
        if mapped.len() != maps.len() {
            return Err("the image counts on other client maps");
        }
        let before = before.and_then(|plan| Before::of(plan, &pool));
        let mut index = 0..;
        let rrsets = rrsets.records(head.rrsets, RrsetRecord::SIZE, |from| {
            let record = RrsetRecord::read(from)?;
            let known = index.next().zip(before.as_ref());
            let known = known.and_then(|(index, plan)| plan.rrset(index, &record));
            known.map_or_else(|| raw::rrset(&record, &pool), Ok)
        })?;
        let mut index = 0..;
        let nodes = nodes.records(head.nodes, NodeRecord::SIZE, |from| {
            let record = NodeRecord::read(from)?;
            let known = index.next().zip(before.as_ref());
            let known = known.and_then(|(index, plan)| plan.name(index, &record));
            let name = known.map_or_else(|| pool.name(record.name), Ok)?;
            raw::node(&record, name, &rrsets)
        })?;
        let services = gathered(&services, |record| raw::service(record, &pool, &maps))?;
        let mut plan = Self {
            generation: head.generation,
            query_log: head.query_log,
            udp_payload: head.udp_payload,
            nsid,
            names: Names::with_room_for(0), // made by `index`, or those of before
            zones: gathered(&zones, |zone| {
                Ok(ZonePlan {
                    apex: pool.name(zone.apex)?,
                    soa: zone.soa,
                    negative_ttl: zone.negative_ttl,
                    no_region: match zone.no_region {
                        NONE => Run::default(),
                        at => pool.name(at)?,
                    },
                })
            })?,
            nodes,
            rrsets,
            referrals: gathered(&referrals, |referral| {
                Ok(Referral {
                    owner: pool.name(referral.owner)?,
                    ns: referral.ns,
                    first: referral.first,
                    count: referral.count,
                })
            })?,
            glue: gathered(&glue, |glue| {
                Ok(Glue {
                    owner: pool.name(glue.owner)?,
                    rrset: glue.rrset,
                })
            })?,
            tiers: gathered(&pairs, |record| tiers::tier(record, &services, &pool))?,
            services,
            maps: maps
                .into_iter()
                .zip(&mapped)
                .map(|(map, record)| Mapped {
                    map,
                    first: record.first,
                    pins: record.pins,
                })
                .collect(),
            region_slots,
            pin_slots,
            pool,
        };
        plan.check()?;
        plan.index(before.as_ref())?;
        Ok(plan)
    }
}

fn gathered<R, T>(
    raw: &[R],
    made: impl FnMut(&R) -> Result<T, &'static str>,
) -> Result<Box<[T]>, &'static str> {
    raw.iter().map(made).collect()
}
