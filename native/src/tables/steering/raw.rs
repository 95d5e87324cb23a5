//! A region's state as the image holds it: numbers, and places in the pool that are checked here.

use super::region::{RegionRecords, RegionState, RegionStatus};
use crate::tables::records::StateRecord;
use crate::tables::{NONE, Pool, Run};
use crate::wire::name::length_of;

/// A region's state as it is decided by.
pub(super) fn state(record: &StateRecord, pool: &Pool) -> Result<RegionState, &'static str> {
    let cname = match record.cname {
        NONE => Run::default(),
        at => pool.name(at)?,
    };
    debug_assert!(cname.is_empty() || length_of(pool.get(cname)).is_some());
    Ok(RegionState {
        status: RegionStatus {
            horizon: record.horizon,
            spill_ratio: record.spill_ratio,
            accept_ratio: record.accept_ratio,
            serves: record.serves,
            unknown: record.unknown,
            alive: record.alive,
            has_addresses: record.has_addresses,
            sampled: record.sampled,
            spill_off: record.spill_off,
        },
        records: RegionRecords {
            a: pool.run(record.a, 4 * u32::from(record.a_count))?,
            aaaa: pool.run(record.aaaa, 16 * u32::from(record.aaaa_count))?,
            cname,
            a_ttl: record.a_ttl,
            aaaa_ttl: record.aaaa_ttl,
        },
    })
}
