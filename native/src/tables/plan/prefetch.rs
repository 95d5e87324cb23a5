//! Prefetching what look-ups of names will read.

use super::{Node, Plan};
use crate::wire::codes::rtype;
use std::hint::black_box;

/// How many names [`Plan::prefetch`] looks up side by side: more than a core has reads of memory under
/// way gain nothing, fewer wait longer.
pub const PREFETCH: usize = 32;

/// Nodes from which on prefetching pays: fewer stay in the cache by themselves (64 octets each), and
/// of more the most would be waited for if this were larger.
const PREFETCH_FROM: usize = 1024;

impl Plan {
    /// Whether there are so many names that prefetching is worth its time.
    #[must_use]
    pub const fn has_many_names(&self) -> bool {
        self.nodes.len() >= PREFETCH_FROM
    }

    /// Whether services have client maps of their own, so that a client's depends on the name.
    #[must_use]
    pub const fn has_several_maps(&self) -> bool {
        self.maps.len() > 1
    }

    /// Read what look-ups of names with these hashes will read, each step for all of them; the service
    /// at each name, or [`NONE`](crate::tables::NONE), and at a name that is an alias or stands nowhere `elsewhere`.
    ///
    /// A name is known by its hash alone here: what is taken for another is read in vain.
    pub fn prefetch(&self, hashes: &[u64], elsewhere: u32) -> [u32; PREFETCH] {
        let mut nodes: [Option<&Node>; PREFETCH] = [None; PREFETCH];
        for (node, hash) in nodes.iter_mut().zip(hashes) {
            *node = self
                .names
                .find(*hash, |index| self.nodes.get(index as usize));
        }
        let names = nodes.map(|node| node.map(|node| (node.name, node.head.records)));
        for (name, records) in names.into_iter().flatten() {
            black_box(self.pool.get(name).first());
            black_box(self.pool.get(records).first());
        }
        nodes.map(|node| match node {
            Some(node) if node.head.rtype != rtype::CNAME => node.service,
            _ => elsewhere,
        })
    }
}
