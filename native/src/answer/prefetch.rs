//! Prefetching for a batch of packets: what their look-ups will read comes into the cache at once.
//!
//! Among millions of networks, or a hundred thousand names, most of a look-up is waiting for memory.
//! A batch waits once for all its packets instead of once for each, and where it has found a client's leaf,
//! that is not looked up again. Nothing is answered differently for it.

use super::{Scratch, Snapshot};
use crate::geo;
use crate::tables::plan;
use crate::wire::prefix::Prefix;
use crate::wire::query::parse;

impl Snapshot {
    /// Bring into the cache what answers to these packets will read of names and of the client map.
    ///
    /// The map is that of the service which was answered last; where none was since the last
    /// call, it is not read. Nor are names where there are only few.
    #[inline]
    pub fn prefetch<'p>(
        &self,
        packets: impl Iterator<Item = (&'p [u8], Prefix)>,
        scratch: &mut Scratch,
    ) {
        let service = self.plan().service(scratch.take_service());
        let map = service.and_then(|service| self.plan().map(service));
        let many = self.plan().has_many_names();
        if map.is_none() && !many {
            return;
        }
        let mut clients = [Prefix::host_v4([0; 4]); geo::PREFETCH];
        let mut names = [0; plan::PREFETCH];
        let mut count = 0;
        for ((client, name), (packet, source)) in clients.iter_mut().zip(&mut names).zip(packets) {
            let query = parse(packet).ok().map(|(query, _)| query);
            let subnet = query.as_ref().and_then(|query| query.edns?.subnet?.prefix);
            *client = subnet.unwrap_or(source);
            if let Some(query) = query.filter(|_| many) {
                *name = scratch.hash(query.name);
            }
            count += 1;
        }
        if many {
            self.plan().prefetch(names.get(..count).unwrap_or_default());
        }
        if let Some((map, _)) = map {
            map.prefetch(clients.get(..count).unwrap_or_default(), scratch.map());
        }
    }
}
