//! Reading ahead for a batch of packets.
//!
//! In a map of millions of networks most of a look-up is waiting for memory. A batch waits once for
//! all its packets instead of once for each. Nothing is answered differently for it.

use super::{Scratch, Snapshot};
use crate::geo::AHEAD;
use crate::prefix::Prefix;
use crate::query::parse;

impl Snapshot {
    /// Have in the cache what answers to these packets will read of the client map.
    ///
    /// The map is that of the service which was answered last; where none was since the last
    /// call, nothing is read.
    #[inline]
    pub fn read_ahead<'p>(
        &self,
        packets: impl Iterator<Item = (&'p [u8], Prefix)>,
        scratch: &mut Scratch,
    ) {
        let service = self.plan().service(scratch.take_service());
        let Some((map, _)) = service.and_then(|service| self.plan().map(service)) else {
            return;
        };
        let mut clients = [Prefix::host_v4([0; 4]); AHEAD];
        let mut count = 0;
        for (client, (packet, source)) in clients.iter_mut().zip(packets) {
            *client = subnet_of(packet).unwrap_or(source);
            count += 1;
        }
        map.read_ahead(clients.get(..count).unwrap_or_default());
    }
}

fn subnet_of(packet: &[u8]) -> Option<Prefix> {
    let (query, _) = parse(packet).ok()?;
    query.edns?.subnet?.prefix
}
