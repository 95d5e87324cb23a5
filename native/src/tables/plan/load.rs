//! Loading a Plan's image: the sections one after another, then the checks.

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
    pub fn load(image: &[u8], maps: Vec<Arc<ClientMap>>) -> Result<Self, &'static str> {
        let mut from = Reader::new(image, PLAN_MAGIC)?;
        let head = PlanHead::read(&mut from)?;
        let zones = from.records(head.zones, ZoneRecord::SIZE, ZoneRecord::read)?;
        let nodes = from.records(head.nodes, NodeRecord::SIZE, NodeRecord::read)?;
        let rrsets = from.records(head.rrsets, RrsetRecord::SIZE, RrsetRecord::read)?;
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
        let rrsets = gathered(&rrsets, |record| raw::rrset(record, &pool))?;
        let services = gathered(&services, |record| raw::service(record, &pool, &maps))?;
        let mut plan = Self {
            generation: head.generation,
            query_log: head.query_log,
            udp_payload: head.udp_payload,
            nsid,
            names: Names::with_room_for(nodes.len()),
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
            nodes: gathered(&nodes, |record| raw::node(record, &pool, &rrsets))?,
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
        plan.index()?;
        Ok(plan)
    }
}

fn gathered<R, T>(
    raw: &[R],
    made: impl FnMut(&R) -> Result<T, &'static str>,
) -> Result<Box<[T]>, &'static str> {
    raw.iter().map(made).collect()
}
