//! How many leaves a walk may make: a tree with a cycle, or with nodes shared beyond reason, would
//! have it make leaves without an end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many leaves each node of a database may cost; a sound tree costs one.
const MAX_LEAVES_PER_NODE: u64 = 8;

/// How many leaves a part of the work may make before it asks for more.
const GRANT: u64 = 256;

/// The leaves that all parts of a walk may still make.
pub struct LeafBudget {
    left: AtomicU64,
}

/// The leaves that one part may make before it asks for more.
#[derive(Default)]
pub struct Granted(u64);

impl LeafBudget {
    /// For so many nodes, `more` leaves beside theirs, and a grant for each of so many `parts`.
    pub fn new(nodes: u64, more: u64, parts: u64) -> Self {
        Self {
            left: AtomicU64::new(MAX_LEAVES_PER_NODE * nodes + more + GRANT * parts),
        }
    }

    /// Take one leaf of those granted, or of a new grant. None where none is left.
    #[inline]
    pub fn spend(&self, granted: &mut Granted) -> Option<()> {
        granted.0 = match granted.0.checked_sub(1) {
            Some(left) => left,
            None => self.grant()?,
        };
        Some(())
    }

    fn grant(&self) -> Option<u64> {
        let enough = |left: u64| left.checked_sub(GRANT);
        self.left.fetch_update(Relaxed, Relaxed, enough).ok()?;
        Some(GRANT)
    }
}
