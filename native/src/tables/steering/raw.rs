//! A region's state as the image holds it: numbers, and places in the pool that are checked here.

use super::{RegionRecords, RegionState, RegionStatus};
use crate::tables::image::Reader;
use crate::tables::{NONE, Pool, Run};
use crate::wire::name::length_of;

pub(super) struct RawState {
    horizon: f64,
    pub(super) answered: f64,
    spill_ratio: f64,
    accept_ratio: f64,
    a: u32,
    aaaa: u32,
    cname: u32,
    a_ttl: u32,
    aaaa_ttl: u32,
    a_count: u16,
    aaaa_count: u16,
    serves: u8,
    unknown: u8,
    alive: u8,
    has_addresses: u8,
}

impl RawState {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let raw = Self {
            horizon: from.f64()?,
            answered: from.f64()?,
            spill_ratio: from.f64()?,
            accept_ratio: from.f64()?,
            a: from.u32()?,
            aaaa: from.u32()?,
            cname: from.u32()?,
            a_ttl: from.u32()?,
            aaaa_ttl: from.u32()?,
            a_count: from.u16()?,
            aaaa_count: from.u16()?,
            serves: from.u8()?,
            unknown: from.u8()?,
            alive: from.u8()?,
            has_addresses: from.u8()?,
        };
        Ok(raw)
    }

    pub(super) fn state(&self, pool: &Pool) -> Result<RegionState, &'static str> {
        let cname = match self.cname {
            NONE => Run::default(),
            at => pool.name(at)?,
        };
        debug_assert!(cname.is_empty() || length_of(pool.get(cname)).is_some());
        Ok(RegionState {
            status: RegionStatus {
                horizon: self.horizon,
                spill_ratio: self.spill_ratio,
                accept_ratio: self.accept_ratio,
                serves: self.serves != 0,
                unknown: self.unknown != 0,
                alive: self.alive != 0,
                has_addresses: self.has_addresses != 0,
            },
            records: RegionRecords {
                a: pool.run(self.a, 4 * u32::from(self.a_count))?,
                aaaa: pool.run(self.aaaa, 16 * u32::from(self.aaaa_count))?,
                cname,
                a_ttl: self.a_ttl,
                aaaa_ttl: self.aaaa_ttl,
            },
        })
    }
}
