//! Records of a Plan's image that need looking at one by one.

use super::{Node, RrsetWire, ServicePlan};
use crate::geo::ClientMap;
use crate::tables::outcome::{AllDown, NoRegion};
use crate::tables::records::{NodeRecord, RrsetRecord, ServiceRecord};
use crate::tables::rrset::{FIXED, Part, check_parts, check_whole, parts, whole};
use crate::tables::{NONE, Pool, Run};
use crate::wire::codes::rtype::{CNAME, DNAME};
use crate::wire::name::length_of;
use std::sync::Arc;

/// A node as it is looked up, by its `name`.
pub(super) fn node(
    record: &NodeRecord,
    name: Run,
    rrsets: &[RrsetWire],
) -> Result<Node, &'static str> {
    let head = rrsets.get(record.first as usize);
    Ok(Node {
        name,
        head: head.copied().unwrap_or_default(),
        first: record.first,
        rrsets: u16::try_from(record.rrsets).map_err(|_| "a name has too many RRsets")?,
        closest: false,
        zone: record.zone,
        service: record.service,
        ceiling: record.ceiling,
        referral: record.referral,
        tier: record.tier,
    })
}

/// An RRset whose records have been looked at.
pub(super) fn rrset(record: &RrsetRecord, pool: &Pool) -> Result<RrsetWire, &'static str> {
    let records = pool.run(record.at, record.length)?;
    let octets = pool.get(records);
    let in_parts = record.in_parts != 0;
    if in_parts {
        check_parts(octets, record.count)?;
    } else {
        check_whole(octets, record.count, record.rtype, record.ttl)?;
    }
    let target = match record.rtype {
        CNAME => cname_target(record, octets),
        DNAME => dname_target(record, octets),
        _ => Some(Run::default()),
    };
    Ok(RrsetWire {
        rtype: record.rtype,
        in_parts,
        // More cannot be sent anyway: 65,535 records have more octets than a message.
        count: u16::try_from(record.count).unwrap_or(u16::MAX),
        ttl: record.ttl,
        records,
        target: target.ok_or("an alias leads nowhere")?,
    })
}

/// The first record's only part, a name; before it stand the numbers of parts, kind, length.
fn cname_target(record: &RrsetRecord, octets: &[u8]) -> Option<Run> {
    let first = (record.in_parts != 0).then(|| parts(octets))??.0.next()?;
    match first {
        Part::Name(name) => Some(Run {
            at: record.at + 4,
            length: name.len() as u32,
        }),
        Part::Octets(_) => None,
    }
}

fn dname_target(alias: &RrsetRecord, octets: &[u8]) -> Option<Run> {
    let record = (alias.in_parts == 0).then(|| whole(octets))??.0;
    let length = length_of(record.get(FIXED..)?)?;
    (FIXED + length == record.len()).then_some(Run {
        at: alias.at + FIXED as u32,
        length: length as u32,
    })
}

const UNKNOWN_REPLY: &str = "a service answers what is not known where there is no region";

/// One service.
pub(super) fn service(
    record: &ServiceRecord,
    pool: &Pool,
    maps: &[Arc<ClientMap>],
) -> Result<ServicePlan, &'static str> {
    let earlier_regions = match record.earlier_map {
        NONE => Run::default(),
        map => {
            let map = maps
                .get(map as usize)
                .ok_or("an earlier map is not there")?;
            pool.run(record.earlier_regions, map.regions() as u32)?
        }
    };
    Ok(ServicePlan {
        ttl: record.ttl,
        failover_ttl: record.failover_ttl,
        trickle: record.trickle,
        map: record.client_map,
        earlier_map: record.earlier_map,
        earlier_regions,
        slot: record.slot,
        first: record.first,
        regions: record.regions,
        all_down: AllDown::of(record.all_down).ok_or(UNKNOWN_REPLY)?,
        ecs: record.ecs,
        cname: record.cname,
        no_region: NoRegion::of(record.no_region).ok_or(UNKNOWN_REPLY)?,
    })
}
