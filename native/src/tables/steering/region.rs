//! One region as it stands: what a decision rests on, and what it is answered with.

use crate::tables::Run;
use crate::tables::plan::ServicePlan;

/// One region as it stands: of the services that share it there is one. It fills a cache line.
#[repr(align(64))]
pub struct RegionState {
    pub(super) status: RegionStatus,
    /// What it would be answered with.
    pub records: RegionRecords,
}

const _: () = assert!(size_of::<RegionState>() == 64);

/// What a decision rests on: `RegionStatus` of `resolverd/policy/decision.py`.
pub(super) struct RegionStatus {
    pub horizon: f64,
    /// The share of its clients' blocks that it sends on.
    pub spill_ratio: f64,
    /// The share up to which it takes those that others send on.
    pub accept_ratio: f64,
    pub serves: bool,
    pub unknown: bool,
    /// Whether an endpoint in its answer is measured up.
    pub alive: bool,
    pub has_addresses: bool,
    /// Zero, or one more than the binary logarithm of how many of its clients' queries one is kept
    /// of, to weigh their blocks.
    pub sampled: u8,
    /// Whether an operator has it out of spilling: no trickle goes from it or to it.
    pub spill_off: bool,
}

impl RegionStatus {
    /// Whether the region takes part in the trickle of `service`: a few of the blocks of its clients
    /// are answered with their second region.
    #[inline]
    pub fn trickles(&self, service: &ServicePlan) -> bool {
        service.trickle > 0.0 && !self.spill_off
    }
}

impl RegionState {
    /// Zero, or one more than the binary logarithm of how many of the queries of a region's clients
    /// one is kept of.
    #[inline]
    pub const fn sampled(&self) -> u8 {
        self.status.sampled
    }
}

/// What one region would be answered with: `RegionRecords` of `resolverd/snapshot/model.py`.
pub struct RegionRecords {
    /// The octets of its IPv4 addresses, four each.
    pub a: Run,
    /// The octets of its IPv6 addresses, sixteen each.
    pub aaaa: Run,
    /// Its hostname, empty where it is answered with addresses.
    pub cname: Run,
    /// The most that the sources of its IPv4 addresses allow, in seconds; `NONE` where none does.
    pub a_ttl: u32,
    /// The same of its IPv6 addresses.
    pub aaaa_ttl: u32,
}
