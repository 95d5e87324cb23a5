//! Loading a Plan's image: the sections one after another, then the checks.

use super::raw::{RawNode, RawRrset, read_service};
use super::{Glue, Mapped, Plan, Referral, ZonePlan};
use crate::geo::ClientMap;
use crate::tables::image::Reader;
use crate::tables::names::Names;
use crate::tables::{NONE, Run};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"RVDPLAN\x03";

impl Plan {
    /// Load an image made by `resolverd/engine/image.py`, with the client maps it counts on.
    pub fn load(image: &[u8], maps: Vec<Arc<ClientMap>>) -> Result<Self, &'static str> {
        let mut from = Reader::new(image, MAGIC)?;
        let generation = from.u64()?;
        let query_log = from.f64()?;
        let udp_payload = from.u16()?;
        let nsid_length = from.u16()?;
        let mut counts = [0_u32; 10];
        for count in &mut counts {
            *count = from.u32()?;
        }
        let [
            zones,
            nodes,
            rrsets,
            referrals,
            glue,
            services,
            mapped,
            regions,
            pins,
            pool,
        ] = counts;
        let zones = from.records(zones, 16, |f| Ok([f.u32()?, f.u32()?, f.u32()?, f.u32()?]))?;
        let nodes = from.records(nodes, 28, RawNode::read)?;
        let rrsets = from.records(rrsets, 20, RawRrset::read)?;
        let referrals = from.records(referrals, 16, |f| {
            Ok([f.u32()?, f.u32()?, f.u32()?, f.u32()?])
        })?;
        let glue = from.records(glue, 8, |f| Ok([f.u32()?, f.u32()?]))?;
        let services = from.records(services, 36, read_service)?;
        let mapped = from.records(mapped, 8, |f| Ok([f.u32()?, f.u32()?]))?;
        let region_slots = from.records(regions, 4, Reader::u32)?;
        let pin_slots = from.records(pins, 4, Reader::u32)?;
        let nsid = from.octets(usize::from(nsid_length))?;
        let pool = from.pool(pool)?;
        if mapped.len() != maps.len() {
            return Err("the image counts on other client maps");
        }
        let rrsets = gathered(&rrsets, |raw| raw.rrset(&pool))?;
        let mut plan = Self {
            generation,
            query_log,
            udp_payload,
            nsid,
            names: Names::with_room_for(nodes.len()),
            zones: gathered(&zones, |[apex, soa, negative_ttl, no_region]| {
                Ok(ZonePlan {
                    apex: pool.name(*apex)?,
                    soa: *soa,
                    negative_ttl: *negative_ttl,
                    no_region: match *no_region {
                        NONE => Run::default(),
                        at => pool.name(at)?,
                    },
                })
            })?,
            nodes: gathered(&nodes, |raw| raw.node(&pool, &rrsets))?,
            rrsets,
            referrals: gathered(&referrals, |[owner, ns, first, count]| {
                Ok(Referral {
                    owner: pool.name(*owner)?,
                    ns: *ns,
                    first: *first,
                    count: *count,
                })
            })?,
            glue: gathered(&glue, |[owner, rrset]| {
                Ok(Glue {
                    owner: pool.name(*owner)?,
                    rrset: *rrset,
                })
            })?,
            services,
            maps: maps
                .into_iter()
                .zip(&mapped)
                .map(|(map, &[first, pins])| Mapped { map, first, pins })
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
