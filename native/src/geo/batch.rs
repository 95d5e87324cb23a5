//! Leaves that the clients of a batch came to, so that none is looked up twice.
//!
//! A batch is looked up side by side before it is answered ([`ClientMap::prefetch`]), each client in the
//! map of the service that it asks for. A leaf is known by its map's number, which no other map has, and
//! by the address; so whatever was found before, of whatever batch, is right, and only saves time.

use super::leaves::Leaf;
use super::map::{ClientMap, Scratch};
use crate::wire::prefix::{Family, Prefix};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that no other map has.
#[must_use]
pub fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// How many clients [`ClientMap::prefetch`] looks up side by side: more than a core has reads of
/// memory under way gain nothing, fewer wait longer.
pub const PREFETCH: usize = 32;

impl ClientMap {
    /// Find the leaves of these clients, each in its map, whose look-ups then have them from `scratch`,
    /// and bring what else those will read into the cache.
    ///
    /// The reads of one look-up wait for one another, those of several do not: side by side
    /// they take little longer than one. Of more than [`PREFETCH`] clients the rest is left.
    pub fn prefetch<'m>(clients: impl Iterator<Item = (&'m Self, Prefix)>, scratch: &mut Scratch) {
        let mut descents = [None; PREFETCH];
        for (descent, (map, client)) in descents.iter_mut().zip(clients) {
            let extracted = map.embedded.extract(client).prefix;
            let networks = map.networks(extracted.family);
            *descent = Some((networks, networks.enter(extracted.address), extracted, map));
        }
        let mut deeper = true;
        while deeper {
            deeper = false;
            for (networks, descent, ..) in descents.iter_mut().flatten() {
                deeper |= networks.descend(descent);
            }
        }
        for (networks, descent, ..) in descents.iter().flatten() {
            black_box(networks.touch(*descent));
        }
        scratch.batch.begin();
        for (networks, descent, client, map) in descents.iter().flatten() {
            let leaf = networks.arrive(*descent, client.address);
            scratch.batch.add(map.number, *client, leaf);
            black_box(map.table.get(leaf.entry()).rule);
        }
    }
}

/// What was found of one batch, in its order.
pub struct Batch {
    found: [Found; PREFETCH],
    count: usize,
    /// The client looked up last: answers are made in the order of the batch.
    last: usize,
    /// Look-ups that found nothing here.
    misses: usize,
}

/// The leaf that one map has around an address.
#[derive(Clone, Copy)]
struct Found {
    address: u128,
    /// The map's number.
    map: u64,
    leaf: Leaf,
    family: Family,
}

impl Batch {
    /// Of no client yet.
    #[must_use]
    pub const fn new() -> Self {
        let nobody = Found {
            address: 0,
            map: 0,
            leaf: Leaf::new(0, 0),
            family: Family::V4,
        };
        Self {
            found: [nobody; PREFETCH],
            count: 0,
            last: 0,
            misses: 0,
        }
    }

    /// Begin another batch.
    pub const fn begin(&mut self) {
        (self.count, self.last, self.misses) = (0, 0, 0);
    }

    /// Add the leaf that the map of this number has around the first address of a prefix; of more than
    /// [`PREFETCH`] the rest is left.
    #[inline]
    pub fn add(&mut self, map: u64, prefix: Prefix, leaf: Leaf) {
        if let Some(slot) = self.found.get_mut(self.count) {
            *slot = Found {
                address: prefix.address,
                map,
                leaf,
                family: prefix.family,
            };
            self.count += 1;
        }
    }

    /// The leaf around the first address of a prefix in the map of this number, if it was found. After
    /// as many that were not as it has, the batch is over: what is asked for is not of it any more.
    #[inline]
    pub fn leaf(&mut self, map: u64, prefix: Prefix) -> Option<Leaf> {
        let rest = self.found.get(self.last..self.count)?;
        let wanted = (map, prefix.address, prefix.family);
        let known = |found: &&Found| (found.map, found.address, found.family) == wanted;
        if let Some((at, found)) = rest.iter().enumerate().find(|(_, found)| known(found)) {
            self.last += at;
            return Some(found.leaf);
        }
        self.misses += 1;
        if self.misses >= self.count {
            self.begin();
        }
        None
    }
}

#[cfg(test)]
impl ClientMap {
    /// Whether a batch found the leaf of this client in this map.
    pub fn was_asked_for(&self, client: Prefix, scratch: &mut Scratch) -> bool {
        scratch.batch.leaf(self.number, client).is_some()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::networks::Networks;
    use crate::geo::table_builder::PreferenceTableBuilder;

    fn client(number: u8) -> Prefix {
        Prefix::host_v4([192, 0, 2, number])
    }

    #[test]
    fn leaves_are_known_by_map_family_and_address() {
        let (map, other, third) = (next_number(), next_number(), next_number());
        let mut batch = Batch::new();
        for number in 0..5 {
            batch.add(map, client(number), Leaf::new(number.into(), 24));
            batch.add(other, client(number), Leaf::new(number.into(), 16));
        }
        assert_eq!(batch.leaf(third, client(0)), None);
        // Clients may be left out, and be asked for again.
        for number in [0, 2, 3] {
            let expected = |length| Some(Leaf::new(number.into(), length));
            assert_eq!(batch.leaf(map, client(number)), expected(24));
            assert_eq!(batch.leaf(other, client(number)), expected(16));
            assert_eq!(batch.leaf(other, client(number)), expected(16));
        }
        let same_octets = Prefix::new(Family::V6, client(4).address, 32);
        assert_eq!(batch.leaf(map, same_octets), None);
        let last = Some(Leaf::new(4, 24));
        assert_eq!(batch.leaf(map, client(4)), last, "one miss ends nothing");
    }

    #[test]
    fn a_batch_is_over_after_as_many_misses_as_it_has_clients() {
        let (map, other) = (next_number(), next_number());
        let mut batch = Batch::new();
        for number in 0..3 {
            batch.add(map, client(number), Leaf::new(7, 24));
        }
        // A pair of services has each client looked up in two maps, one of which was not foreseen.
        for number in 0..2 {
            assert_eq!(batch.leaf(other, client(number)), None);
            assert_eq!(batch.leaf(map, client(number)), Some(Leaf::new(7, 24)));
        }
        assert_eq!(batch.leaf(other, client(2)), None);
        assert_eq!(batch.leaf(map, client(2)), None, "the batch is over");
        batch.add(map, client(1), Leaf::new(7, 24));
        batch.begin();
        assert_eq!(batch.leaf(map, client(1)), None, "of the batch before");
    }

    #[test]
    fn of_a_longer_batch_the_first_are_known() {
        let map = next_number();
        let mut batch = Batch::new();
        for number in 0..=PREFETCH as u8 {
            batch.add(map, client(number), Leaf::new(0, number));
        }
        let last = PREFETCH as u8;
        assert_eq!(
            batch.leaf(map, client(last - 1)),
            Some(Leaf::new(0, last - 1))
        );
        assert_eq!(batch.leaf(map, client(last)), None);
    }

    /// A map whose lower half of IPv4 is given the first list, and the upper half the second.
    fn halves(lists: [&[u8]; 2]) -> ClientMap {
        let mut table = PreferenceTableBuilder::default();
        let leaves = lists.map(|list| Leaf::new(table.add(0, list).unwrap(), 1));
        ClientMap {
            v4: Networks::new(leaves.as_slice(), false).unwrap(),
            table: table.finish(),
            ..ClientMap::same_for_all(lists[0]).unwrap()
        }
    }

    #[test]
    fn a_batch_for_several_maps_finds_what_each_client_has_in_its_own() {
        let maps = [halves([&[0, 1], &[1, 0]]), halves([&[2, 1], &[1, 2]])];
        let clients = [[9, 0, 0, 1], [192, 0, 2, 1], [9, 0, 0, 1]].map(Prefix::host_v4);
        let asked = || {
            clients
                .iter()
                .flat_map(|client| maps.iter().map(move |map| (map, *client)))
        };
        let (mut scratch, mut alone) = (Scratch::new(), Scratch::new());
        ClientMap::prefetch(asked(), &mut scratch);
        for (map, client) in asked() {
            let known = scratch.batch.leaf(map.number, client);
            assert_eq!(known, Some(map.v4.leaf(client.address)));
            let expected = map.lookup(client, &mut alone);
            assert_eq!(map.lookup(client, &mut scratch), expected);
        }
    }
}
