//! Prefetching for a batch of packets: what their look-ups will read comes into the cache at once.
//!
//! Among millions of networks, or a hundred thousand names, most of a look-up is waiting for memory.
//! A batch waits once for all its packets instead of once for each, and where it has found a client's leaf,
//! that is not looked up again. Nothing is answered differently for it.

use super::{Scratch, Snapshot};
use crate::geo::{self, ClientMap};
use crate::tables::{NONE, plan};
use crate::wire::prefix::Prefix;
use crate::wire::query::parse;

impl Snapshot {
    /// Bring into the cache what answers to these packets will read of names and of client maps.
    ///
    /// A client's map is that of the service at the name that it asks for, where names are looked up:
    /// where they are many, or the maps. Otherwise, and below a wildcard or behind an alias, it is that of
    /// the service which was answered last. Where none was since the last call, no map is read.
    #[inline]
    pub fn prefetch<'p>(
        &self,
        packets: impl Iterator<Item = (&'p [u8], Prefix)>,
        scratch: &mut Scratch,
    ) {
        let plan = self.plan();
        let last = scratch.take_service();
        let (mapped, many) = (last != NONE, plan.has_many_names());
        if !mapped && !many {
            return;
        }
        let by_name = many || plan.has_several_maps();
        let mut clients = [Prefix::host_v4([0; 4]); geo::PREFETCH];
        let mut names = [0; plan::PREFETCH];
        let mut count = 0;
        for ((client, name), (packet, source)) in clients.iter_mut().zip(&mut names).zip(packets) {
            let query = parse(packet).ok().map(|(query, _)| query);
            let subnet = query.as_ref().and_then(|query| query.edns?.subnet?.prefix);
            *client = subnet.unwrap_or(source);
            if let Some(query) = query.filter(|_| by_name) {
                *name = scratch.hash(query.name);
            }
            count += 1;
        }
        let mut services = [last; plan::PREFETCH];
        if by_name {
            services = plan.prefetch(names.get(..count).unwrap_or_default(), last);
        }
        if mapped {
            let clients = clients.iter().zip(services).take(count);
            let wanted = clients.filter_map(|(client, service)| {
                let (map, _) = plan.map(plan.service(service)?)?;
                Some((map, *client))
            });
            ClientMap::prefetch(wanted, scratch.map());
        }
    }
}
