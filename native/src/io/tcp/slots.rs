//! Slots of TCP connections: who has them, and whose is taken once there is none left.
//!
//! Pure: no sockets and no clock. `resolverd/engine/tcp_slots.py` is the meaning, and its tests
//! and those below hold both to the same table. A connection is idle while no query of it is
//! being answered and no answer of it is unsent (RFC 7766 §3); the idle one longest without a
//! query gives its slot to a newcomer (§6.2.3, RFC 9210 §4.3). Octets that make no whole query
//! change nothing.

use crate::io::slots::tcp_refused;
use crate::io::tcp::chain::{Chain, Links};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Whose connections count together: an IPv4 address, or an IPv6 network of 64 bits, of which
/// one host has every address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Client {
    ipv6: bool,
    bits: u64,
}

impl Client {
    /// The client at this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self {
                ipv6: false,
                bits: u32::from(address).into(),
            },
            IpAddr::V6(address) => Self {
                ipv6: true,
                bits: (u128::from(address) >> 64) as u64,
            },
        }
    }
}

/// Whether there is a slot for a newcomer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// There is one.
    Free,
    /// Once this connection is closed, which counts as `limit`.
    Instead {
        /// Its place.
        place: usize,
        /// A slot of the counters.
        limit: usize,
    },
    /// All connections of this client have queries to be answered.
    Refused,
}

/// The connections of one worker, by place.
pub struct Slots {
    connections: usize,
    per_client: usize,
    taken: Vec<Option<Slot>>,
    free: Vec<usize>,
    idle: Chain,
    busy: Chain,
    links: Links,
    clients: HashMap<Client, Held>,
    of_clients: Links,
}

#[derive(Clone, Copy)]
struct Slot {
    client: Client,
    idle: bool,
}

#[derive(Default)]
struct Held {
    open: usize,
    idle: Chain,
}

impl Slots {
    /// `connections` slots, of which one client has at most `per_client`.
    #[must_use]
    pub fn new(connections: usize, per_client: usize) -> Self {
        Self {
            connections,
            per_client,
            taken: Vec::new(),
            free: Vec::new(),
            idle: Chain::new(),
            busy: Chain::new(),
            links: Links::default(),
            clients: HashMap::new(),
            of_clients: Links::default(),
        }
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.len() - self.free.len()
    }

    /// Whether `client` may have another.
    #[must_use]
    pub fn admission(&self, client: Client) -> Admission {
        if let Some(held) = self.clients.get(&client)
            && held.open >= self.per_client
        {
            let limit = tcp_refused::PER_CLIENT;
            let own = held.idle.first();
            return own.map_or(Admission::Refused, |place| Admission::Instead {
                place,
                limit,
            });
        }
        if self.taken() < self.connections {
            return Admission::Free;
        }
        let yields = self.longest(tcp_refused::CONNECTIONS);
        yields.map_or(Admission::Refused, |(place, limit)| Admission::Instead {
            place,
            limit,
        })
    }

    /// Which connection to close for lack of something, and what that counts as: `limit`, or
    /// that there was none idle.
    #[must_use]
    pub fn longest(&self, limit: usize) -> Option<(usize, usize)> {
        let idle = self.idle.first().map(|place| (place, limit));
        idle.or_else(|| self.busy.first().map(|place| (place, tcp_refused::BUSY)))
    }

    /// Give `client` a slot, whose connection is idle; its place.
    pub fn take(&mut self, client: Client) -> usize {
        let slot = Some(Slot { client, idle: true });
        let place = self.free.pop().unwrap_or(self.taken.len());
        match self.taken.get_mut(place) {
            Some(taken) => *taken = slot,
            None => self.taken.push(slot),
        }
        self.links.append(&mut self.idle, place);
        let held = self.clients.entry(client).or_default();
        held.open += 1;
        self.of_clients.append(&mut held.idle, place);
        place
    }

    /// The connection in `place` had a query or has sent its answers: it is the last to yield,
    /// of those that are `idle` or of those that are not.
    pub fn used(&mut self, place: usize, idle: bool) {
        let Some(slot) = self.unlink(place) else {
            return;
        };
        let chain = if idle { &mut self.idle } else { &mut self.busy };
        self.links.append(chain, place);
        if idle && let Some(held) = self.clients.get_mut(&slot.client) {
            self.of_clients.append(&mut held.idle, place);
        }
        if let Some(taken) = self.taken.get_mut(place) {
            *taken = Some(Slot { idle, ..slot });
        }
    }

    /// The connection in `place` has ended.
    pub fn leave(&mut self, place: usize) {
        let Some(slot) = self.unlink(place) else {
            return;
        };
        if let Some(held) = self.clients.get_mut(&slot.client) {
            held.open -= 1;
            if held.open == 0 {
                self.clients.remove(&slot.client);
            }
        }
        if let Some(taken) = self.taken.get_mut(place) {
            *taken = None;
        }
        self.free.push(place);
    }

    fn unlink(&mut self, place: usize) -> Option<Slot> {
        let slot = self.taken.get(place).copied().flatten()?;
        let chain = if slot.idle {
            &mut self.idle
        } else {
            &mut self.busy
        };
        self.links.remove(chain, place);
        if slot.idle
            && let Some(held) = self.clients.get_mut(&slot.client)
        {
            self.of_clients.remove(&mut held.idle, place);
        }
        Some(slot)
    }
}

/// How long a connection may be idle while `open` of `connections` slots are taken: `idle` until
/// half of them are, then less with each, a tenth when all are.
#[must_use]
pub fn idle_time(idle: Duration, open: usize, connections: usize) -> Duration {
    let (all, spare) = (connections as u64, connections.saturating_sub(open) as u64);
    if 2 * spare >= all {
        return idle;
    }
    let milliseconds = idle.as_millis() as u64;
    Duration::from_millis(milliseconds * (all + 18 * spare) / (10 * all))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTIONS: usize = 3;
    const PER_CLIENT: usize = 2;

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    fn instead(place: usize, limit: usize) -> Admission {
        Admission::Instead { place, limit }
    }

    #[test]
    fn idle_time_is_shorter_the_fewer_slots_are_left() {
        // tests/engine/test_tcp_slots.py has the same table.
        for (milliseconds, open, connections, expected) in [
            (10_000, 0, 1000, 10_000),
            (10_000, 500, 1000, 10_000),
            (10_000, 501, 1000, 9_982),
            (10_000, 750, 1000, 5_500),
            (10_000, 999, 1000, 1_018),
            (10_000, 1000, 1000, 1_000),
            (10_000, 1001, 1000, 1_000),
            (100, 1, 1, 10),
            (3_600_000, 70_000, 100_000, 2_304_000),
        ] {
            let idle = idle_time(Duration::from_millis(milliseconds), open, connections);
            assert_eq!(idle.as_millis(), expected, "{open} of {connections}");
        }
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:0:0:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_ne!(client("0.0.0.1"), client("0:0:0:1::"));
        assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
    }

    #[test]
    fn the_idle_one_longest_without_a_query_yields() {
        let mut slots = Slots::new(CONNECTIONS, PER_CLIENT);
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(client);
        for (place, each) in [a, b, c].into_iter().enumerate() {
            assert_eq!(slots.admission(each), Admission::Free);
            assert_eq!(slots.take(each), place);
        }
        let other = client("192.0.2.4");
        assert_eq!(slots.admission(other), instead(0, tcp_refused::CONNECTIONS));
        slots.used(0, true);
        assert_eq!(slots.admission(other), instead(1, tcp_refused::CONNECTIONS));
        slots.used(1, false);
        assert_eq!(slots.admission(other), instead(2, tcp_refused::CONNECTIONS));
        slots.used(2, false);
        slots.used(0, false);
        assert_eq!(slots.admission(other), instead(1, tcp_refused::BUSY));
        slots.used(2, true);
        assert_eq!(slots.admission(other), instead(2, tcp_refused::CONNECTIONS));
        slots.leave(2);
        assert_eq!(slots.admission(other), Admission::Free);
        assert_eq!((slots.take(other), slots.taken()), (2, 3));
    }

    #[test]
    fn a_client_with_all_its_own_gives_up_one_of_them() {
        let mut slots = Slots::new(CONNECTIONS, PER_CLIENT);
        let (one, same) = (client("2001:db8::1"), client("2001:db8::2"));
        slots.take(client("192.0.2.1"));
        slots.take(one);
        slots.take(same);
        assert_eq!(slots.admission(one), instead(1, tcp_refused::PER_CLIENT));
        slots.used(1, false);
        assert_eq!(slots.admission(one), instead(2, tcp_refused::PER_CLIENT));
        slots.used(2, false);
        assert_eq!(slots.admission(one), Admission::Refused);
        slots.used(1, true);
        assert_eq!(slots.admission(one), instead(1, tcp_refused::PER_CLIENT));
        slots.leave(1);
        assert_eq!(slots.admission(one), Admission::Free);
    }
}
