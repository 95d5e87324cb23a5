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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{fuzz, respond};
    use crate::io::counters::Counters;
    use crate::io::slots::Transport;

    /// A query for the A record of a name below `example`.
    fn query(label: &str) -> Vec<u8> {
        let mut packet = b"\0\x01\0\0\0\x01\0\0\0\0\0\0".to_vec();
        for label in [label, "example", ""] {
            packet.push(label.len() as u8);
            packet.extend(label.as_bytes());
        }
        packet.extend(b"\0\x01\0\x01");
        packet
    }

    #[test]
    fn a_service_is_known_by_its_name_and_elsewhere_is_guessed() {
        let (snapshot, mut scratch) = (fuzz::snapshot().unwrap(), Scratch::new());
        let mut service = |label| {
            let packet = query(label);
            let hash = scratch.hash(parse(&packet).unwrap().0.name);
            snapshot.plan().prefetch(&[hash], 99)[0]
        };
        let [chat, small] = ["chat", "small"].map(&mut service);
        assert!(chat != small && chat < 99 && small < 99);
        assert_eq!(service("types"), NONE);
        for elsewhere in ["to-chat", "nowhere-at-all"] {
            assert_eq!(service(elsewhere), 99);
        }
    }

    #[test]
    fn each_client_of_a_batch_is_looked_up_in_the_map_of_its_service() {
        let (snapshot, mut scratch) = (fuzz::snapshot().unwrap(), Scratch::new());
        let clients = [1, 2].map(|last| Prefix::host_v4([192, 0, 2, last]));
        let packets = ["chat", "small"].map(query);
        let plan = snapshot.plan();
        let maps = packets.each_ref().map(|packet| {
            let hash = scratch.hash(parse(packet).unwrap().0.name);
            let [service, ..] = plan.prefetch(&[hash], NONE);
            plan.map(plan.service(service).unwrap()).unwrap().0
        });
        let batch = || packets.iter().map(Vec::as_slice).zip(clients);
        let found = |scratch: &mut Scratch| {
            snapshot.prefetch(batch(), scratch);
            let each = maps.iter().zip(clients);
            each.map(|(map, client)| map.was_asked_for(client, scratch.map()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(&mut scratch),
            [false, false],
            "no service was asked for"
        );
        let (counters, mut out) = (Counters::none(), [0; 512]);
        respond(
            &packets[0],
            &clients[0],
            &snapshot,
            &counters,
            &mut scratch,
            Transport::Udp,
            &mut out,
        );
        assert_eq!(found(&mut scratch), [true, true]);
    }
}
