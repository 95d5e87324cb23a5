//! Records of a Plan's image that need looking at one by one.

use super::{Node, RrsetWire, ServicePlan};
use crate::tables::image::Reader;
use crate::tables::outcome::{AllDown, NoRegion};
use crate::tables::rrset::{FIXED, Part, check_parts, check_whole, parts, whole};
use crate::tables::{Pool, Run};
use crate::wire::codes::rtype::{CNAME, DNAME};
use crate::wire::name::length_of;

/// A node as the image has it.
pub(super) struct RawNode {
    name: u32,
    zone: u32,
    first: u32,
    rrsets: u32,
    service: u32,
    ceiling: u32,
    referral: u32,
}

impl RawNode {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        Ok(Self {
            name: from.u32()?,
            zone: from.u32()?,
            first: from.u32()?,
            rrsets: from.u32()?,
            service: from.u32()?,
            ceiling: from.u32()?,
            referral: from.u32()?,
        })
    }

    pub(super) fn node(&self, pool: &Pool, rrsets: &[RrsetWire]) -> Result<Node, &'static str> {
        Ok(Node {
            name: pool.name(self.name)?,
            head: rrsets.get(self.first as usize).copied().unwrap_or_default(),
            first: self.first,
            rrsets: u16::try_from(self.rrsets).map_err(|_| "a name has too many RRsets")?,
            closest: false,
            zone: self.zone,
            service: self.service,
            ceiling: self.ceiling,
            referral: self.referral,
        })
    }
}

/// An RRset as the image has it.
pub(super) struct RawRrset {
    at: u32,
    length: u32,
    ttl: u32,
    rtype: u16,
    in_parts: u16,
    count: u32,
}

impl RawRrset {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        Ok(Self {
            at: from.u32()?,
            length: from.u32()?,
            ttl: from.u32()?,
            rtype: from.u16()?,
            in_parts: from.u16()?,
            count: from.u32()?,
        })
    }

    pub(super) fn rrset(&self, pool: &Pool) -> Result<RrsetWire, &'static str> {
        let records = pool.run(self.at, self.length)?;
        let octets = pool.get(records);
        if self.in_parts == 0 {
            check_whole(octets, self.count, self.rtype, self.ttl)?;
        } else {
            check_parts(octets, self.count)?;
        }
        let target = match self.rtype {
            CNAME => self.cname_target(octets),
            DNAME => self.dname_target(octets),
            _ => Some(Run::default()),
        };
        Ok(RrsetWire {
            rtype: self.rtype,
            in_parts: self.in_parts != 0,
            // More cannot be sent anyway: 65,535 records have more octets than a message.
            count: u16::try_from(self.count).unwrap_or(u16::MAX),
            ttl: self.ttl,
            records,
            target: target.ok_or("an alias leads nowhere")?,
        })
    }

    /// The first record's only part, a name; before it stand the numbers of parts, kind, length.
    fn cname_target(&self, octets: &[u8]) -> Option<Run> {
        let first = (self.in_parts != 0).then(|| parts(octets))??.0.next()?;
        match first {
            Part::Name(name) => Some(Run {
                at: self.at + 4,
                length: name.len() as u32,
            }),
            Part::Octets(_) => None,
        }
    }

    fn dname_target(&self, octets: &[u8]) -> Option<Run> {
        let record = (self.in_parts == 0).then(|| whole(octets))??.0;
        let length = length_of(record.get(FIXED..)?)?;
        (FIXED + length == record.len()).then_some(Run {
            at: self.at + FIXED as u32,
            length: length as u32,
        })
    }
}

const UNKNOWN_REPLY: &str = "a service answers what is not known where there is no region";

/// One service.
pub(super) fn read_service(from: &mut Reader<'_>) -> Result<ServicePlan, &'static str> {
    Ok(ServicePlan {
        ttl: from.seconds()?,
        failover_ttl: from.seconds()?,
        map: from.u32()?,
        slot: from.u32()?,
        first: from.u32()?,
        regions: from.u32()?,
        all_down: AllDown::of(from.u8()?).ok_or(UNKNOWN_REPLY)?,
        ecs: from.u8()? != 0,
        cname: from.u8()? != 0,
        no_region: NoRegion::of(from.u8()?).ok_or(UNKNOWN_REPLY)?,
    })
}
