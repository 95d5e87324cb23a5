//! The two compiled tables, made by Python as images of octets and checked once, when loaded.
//!
//! `records` has their layout. Offsets and indices in an image are never
//! trusted: what is loaded here has been looked at, and is still read by checked access.

pub mod image;
pub mod names;
pub mod outcome;
pub mod plan;
pub mod records;
mod rrset;
pub mod steering;

pub use outcome::{AllDown, NoRegion, Outcome};
pub use plan::{Node, Plan, Referral, RrsetWire, ServicePlan, Tier, ZonePlan};
pub use records::NONE;
pub use rrset::{Part, parts, whole};
pub use steering::{Decision, Epochs, Lists, RegionRecords, Steering};

use crate::wire::name::length_of;

/// Octets that tables point into.
pub struct Pool(Box<[u8]>);

/// A run of octets in a [`Pool`].
#[derive(Clone, Copy, Default)]
pub struct Run {
    at: u32,
    length: u32,
}

impl Run {
    /// How many octets.
    #[must_use]
    pub const fn len(self) -> usize {
        self.length as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }
}

impl Pool {
    /// The octets of a run; none where it leads outside.
    #[must_use]
    #[inline]
    pub fn get(&self, run: Run) -> &[u8] {
        let at = run.at as usize;
        self.0.get(at..at + run.len()).unwrap_or_default()
    }

    /// A run of `length` octets at `at`, if it lies inside.
    fn run(&self, at: u32, length: u32) -> Result<Run, &'static str> {
        match at.checked_add(length) {
            Some(end) if end as usize <= self.0.len() => Ok(Run { at, length }),
            _ => Err("octets beyond the pool are named"),
        }
    }

    /// The run of the name that stands at `at`.
    fn name(&self, at: u32) -> Result<Run, &'static str> {
        let octets = self.0.get(at as usize..).unwrap_or_default();
        let length = length_of(octets).ok_or("what should be a name is none")?;
        self.run(at, length as u32)
    }
}
