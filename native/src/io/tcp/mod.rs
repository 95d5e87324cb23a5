//! DNS over TCP (RFC 7766): what a worker does with its listening sockets and connections.
//!
//! `connection` is the life of one connection; this admits them within the limits, hands each
//! what is ready, and ends those whose time is over. Every loss is counted by its limit, under
//! the names of `resolverd/engine/tcp.py`. Limits are per worker. Where there is no slot for a
//! newcomer, or no descriptor, the connection that `slots` names is closed.
//!
//! Times are checked when the earliest of them is due, and then for all connections at once;
//! a tenth of the shortest limit later at most, so that many connections cost few passes.

pub mod chain;
pub mod connection;
pub mod slots;

use crate::io::epoll::{Epoll, wait_for};
use crate::io::kernel::{EMFILE, ENFILE, READABLE};
use crate::io::slots::tcp_refused;
use crate::io::{Answers, Responder};
use crate::wire::prefix::Prefix;
use connection::{Buffers, Connection, Ended};
use slots::{Admission, Client, Slots, idle_time};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Connections accepted before the worker turns to its other files: with more a flood of
/// connections delays datagrams, with fewer each costs more waiting calls.
const ACCEPTED_AT_ONCE: usize = 64;
/// Connections read again for one newcomer, because a query may wait in them, before one is closed
/// anyhow: more spares busy clients, and costs as many reads for each newcomer in a flood.
const MAX_RECHECKED: usize = 8;

/// Limits on time and number, per worker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may be silent, or leave its answers unread; less as slots fill.
    pub idle: Duration,
    /// How long a connection may be open.
    pub lifetime: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub per_client: usize,
}

/// The connections of one worker.
pub struct TcpService {
    limits: Limits,
    token: u64,
    places: Vec<Option<Connection>>,
    slots: Slots,
    buffers: Buffers,
    due: Option<Instant>,
}

impl TcpService {
    /// None yet. The connection in place n is watched with the token `token` + n.
    #[must_use]
    pub fn new(limits: Limits, token: u64) -> Self {
        Self {
            limits,
            token,
            places: Vec::new(),
            slots: Slots::new(limits.connections, limits.per_client),
            buffers: Buffers::new(),
            due: None,
        }
    }

    /// Accept whoever waits.
    ///
    /// Where no descriptor is left, the idle connection longest without a query gives its own.
    ///
    /// # Errors
    /// When the listening socket is none any more.
    pub fn accept<A: Answers>(
        &mut self,
        listening: &TcpListener,
        epoll: &Epoll,
        responder: &mut Responder<A>,
    ) -> io::Result<Accepted> {
        let mut closed_one = false;
        for _ in 0..ACCEPTED_AT_ONCE {
            match listening.accept() {
                Ok((stream, client)) => {
                    closed_one = false;
                    self.admit(stream, client.ip(), epoll, responder)?;
                }
                Err(none) if none.kind() == ErrorKind::WouldBlock => break,
                Err(error) if lacks_descriptors(&error) => {
                    // accept(2) wants a descriptor before it looks whether anybody waits.
                    if !wait_for(listening.as_fd(), READABLE, Duration::ZERO) {
                        break;
                    }
                    let Some((place, limit)) = self.slots.longest(tcp_refused::DESCRIPTORS) else {
                        responder.count(tcp_refused::DESCRIPTORS);
                        return Ok(Accepted::Later);
                    };
                    if closed_one {
                        return Ok(Accepted::Later); // somebody else took what was given up
                    }
                    self.end(place, Ended::Counted(limit), responder);
                    closed_one = true;
                }
                Err(error) => survive(error, responder)?,
            }
        }
        Ok(Accepted::Now)
    }

    /// Something happened to the connection in this place.
    pub fn ready<A: Answers>(&mut self, place: usize, epoll: &Epoll, responder: &mut Responder<A>) {
        if let Some(Some(connection)) = self.places.get_mut(place) {
            let before = (connection.active_at(), connection.is_idle());
            let ended = connection.ready(responder, &mut self.buffers);
            if before != (connection.active_at(), connection.is_idle()) {
                self.slots.used(place, connection.is_idle());
            }
            self.update(place, ended, epoll, responder);
        }
    }

    /// How long until `expire` is due, None without connections.
    #[must_use]
    pub fn until_due(&self) -> Option<Duration> {
        let due = self.due?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// End the connections whose time is over, if any may be.
    pub fn expire<A: Answers>(&mut self, epoll: &Epoll, responder: &mut Responder<A>) {
        let Some(due) = self.due else {
            return;
        };
        let now = Instant::now();
        if now < due {
            return;
        }
        let idle = self.idle_time();
        let mut next: Option<Instant> = None;
        for place in 0..self.places.len() {
            if let Some(Some(connection)) = self.places.get_mut(place) {
                let was_idle = connection.is_idle();
                let ended = connection.expire(now, &self.limits, idle, responder);
                if was_idle != connection.is_idle() {
                    self.slots.used(place, connection.is_idle());
                }
                self.update(place, ended, epoll, responder);
            }
            if let Some(Some(connection)) = self.places.get(place) {
                let deadline = connection.deadline(&self.limits, idle);
                next = Some(next.map_or(deadline, |next| next.min(deadline)));
            }
        }
        let pause = idle.min(self.limits.lifetime) / 10;
        self.due = next.map(|next| next.max(now + pause));
    }

    /// Whether there is no connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    /// When the youngest connection began of those that have been open without a query until now.
    #[must_use]
    pub fn awaits_first_query_since(&self) -> Option<Instant> {
        let open = self.places.iter().flatten();
        open.filter_map(Connection::awaits_first_query_since).max()
    }

    /// Answer what was read of each connection, let it take its answers within `timeout`, and
    /// end them all.
    pub fn finish<A: Answers>(&mut self, timeout: Duration, responder: &mut Responder<A>) {
        let until = Instant::now() + timeout;
        for place in &mut self.places {
            if let Some(connection) = place {
                connection.finish(responder, &mut self.buffers, until);
            }
            *place = None;
        }
    }

    fn admit<A: Answers>(
        &mut self,
        stream: TcpStream,
        client: IpAddr,
        epoll: &Epoll,
        responder: &mut Responder<A>,
    ) -> io::Result<()> {
        let source = match client {
            IpAddr::V4(address) => Prefix::host_v4(address.octets()),
            IpAddr::V6(address) => Prefix::host_v6(address.octets()),
        };
        if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
            responder.count(tcp_refused::PEER_CLOSED);
            return Ok(());
        }
        let client = Client::of(client);
        if !self.free_slot(client, epoll, responder) {
            responder.count(tcp_refused::BUSY);
            return Ok(());
        }
        let place = self.slots.take(client);
        epoll.add(stream.as_fd(), READABLE, self.token + place as u64)?;
        if self.places.len() <= place {
            self.places.resize_with(place + 1, || None);
        }
        if let Some(empty) = self.places.get_mut(place) {
            *empty = Some(Connection::new(stream, source));
        }
        self.ready(place, epoll, responder); // its first query often came with it
        Ok(())
    }

    /// Close what has to be closed for `client` to have a slot; false where it may have none.
    ///
    /// A query may wait unread in the connection that would yield, so that is read first.
    fn free_slot<A: Answers>(
        &mut self,
        client: Client,
        epoll: &Epoll,
        responder: &mut Responder<A>,
    ) -> bool {
        let mut rechecked = 0;
        loop {
            let admission = self.slots.admission(client);
            let (place, limit) = match admission {
                Admission::Free => return true,
                Admission::Refused => return false,
                Admission::Instead { place, limit } => (place, limit),
            };
            if rechecked < MAX_RECHECKED && limit != tcp_refused::BUSY {
                rechecked += 1;
                self.ready(place, epoll, responder);
                if self.slots.admission(client) != admission {
                    continue;
                }
            }
            self.end(place, Ended::Counted(limit), responder);
        }
    }

    fn idle_time(&self) -> Duration {
        idle_time(
            self.limits.idle,
            self.slots.taken(),
            self.limits.connections,
        )
    }

    /// Forget a connection that ended, and watch another for what it waits for now.
    fn update<A: Answers>(
        &mut self,
        place: usize,
        ended: Option<Ended>,
        epoll: &Epoll,
        responder: &Responder<A>,
    ) {
        let idle = self.idle_time();
        let Some(Some(connection)) = self.places.get_mut(place) else {
            return;
        };
        let deadline = connection.deadline(&self.limits, idle);
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
        let token = self.token + place as u64;
        if let Some(ended) = ended.or_else(|| connection.watch(epoll, token)) {
            self.end(place, ended, responder);
        }
    }

    /// Close the connection in this place.
    fn end<A: Answers>(&mut self, place: usize, ended: Ended, responder: &Responder<A>) {
        if let Ended::Counted(limit) = ended {
            responder.count(limit);
        }
        if let Some(kept) = self.places.get_mut(place) {
            *kept = None;
        }
        self.slots.leave(place);
        if self.slots.taken() == 0 {
            self.due = None;
        }
    }
}

/// How far the accepting got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// As far as it goes now; the listening socket is ready again when another client comes.
    Now,
    /// No descriptor is left, and none was to be had: the listening socket stays ready, and has to
    /// be left alone for a while.
    Later,
}

fn lacks_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// A connection that broke before it was accepted is its client's loss alone.
fn survive<A: Answers>(error: io::Error, responder: &Responder<A>) -> io::Result<()> {
    match error.kind() {
        ErrorKind::ConnectionAborted | ErrorKind::Interrupted => Ok(()),
        ErrorKind::InvalidInput => Err(error),
        _ => {
            responder.count(tcp_refused::PEER_CLOSED);
            Ok(())
        }
    }
}
