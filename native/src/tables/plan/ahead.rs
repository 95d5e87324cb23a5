//! Reading ahead what look-ups of names will read.

use super::{Node, Plan};
use std::hint::black_box;

/// How many names [`Plan::read_ahead`] has under way at once.
pub const AHEAD: usize = 32;

/// Fewer nodes than this stay in the cache by themselves.
const MANY: usize = 1024;

impl Plan {
    /// Whether there are so many names that reading ahead is worth its time.
    #[must_use]
    pub const fn has_many_names(&self) -> bool {
        self.nodes.len() >= MANY
    }

    /// Read what look-ups of names with these hashes will read, each step for all of them.
    pub fn read_ahead(&self, hashes: &[u64]) {
        let mut under_way: [Option<&Node>; AHEAD] = [None; AHEAD];
        for (place, hash) in under_way.iter_mut().zip(hashes) {
            *place = self
                .names
                .find(*hash, |index| self.nodes.get(index as usize));
        }
        let names = under_way.map(|node| node.map(|node| (node.name, node.head.records)));
        for (name, records) in names.into_iter().flatten() {
            black_box(self.pool.get(name).first());
            black_box(self.pool.get(records).first());
        }
    }
}
