//! DNS over TCP (RFC 7766): what a worker does with its listening sockets and connections.
//!
//! `connection` is the life of one connection; this admits them within the limits, tells each
//! what is ready, and ends those whose time is over. Every loss is counted by its limit, under
//! the names of `resolverd/engine/tcp.py`. Limits are per worker.
//!
//! Times are looked at when the earliest of them is due, and then for all connections at once;
//! a tenth of the shortest limit later at most, so that many connections cost few looks.

pub mod connection;

use crate::kernel::{EMFILE, ENFILE, READABLE};
use crate::prefix::Prefix;
use crate::serve::epoll::Epoll;
use crate::serve::{Answers, Desk, tally};
use connection::{Connection, Ended, Room};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Connections accepted before the worker looks at its other files.
const ACCEPTED_AT_ONCE: usize = 64;

/// Limits on time and number, per worker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may be silent, or leave its answers unread.
    pub idle: Duration,
    /// How long a connection may be open.
    pub lifetime: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address.
    pub per_client: usize,
}

/// The connections of one worker.
pub struct Tcp {
    limits: Limits,
    token: u64,
    places: Vec<Option<Connection>>,
    free: Vec<usize>,
    open: HashMap<IpAddr, usize>,
    room: Room,
    due: Option<Instant>,
}

impl Tcp {
    /// None yet. The connection in place n is watched with the token `token` + n.
    #[must_use]
    pub fn new(limits: Limits, token: u64) -> Self {
        Self {
            limits,
            token,
            places: Vec::new(),
            free: Vec::new(),
            open: HashMap::new(),
            room: Room::new(),
            due: None,
        }
    }

    /// Accept whoever waits.
    ///
    /// # Errors
    /// When the listening socket is none any more.
    pub fn accept<A: Answers>(
        &mut self,
        listening: &TcpListener,
        epoll: &Epoll,
        desk: &mut Desk<A>,
    ) -> io::Result<()> {
        for _ in 0..ACCEPTED_AT_ONCE {
            match listening.accept() {
                Ok((stream, client)) => match self.refusal(client.ip()) {
                    Some(limit) => desk.count(limit),
                    None => self.admit(stream, client.ip(), epoll, desk)?,
                },
                Err(none) if none.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(wrong) => return self.survive(wrong, desk),
            }
        }
        Ok(())
    }

    /// Something happened to the connection in this place.
    pub fn ready<A: Answers>(&mut self, place: usize, epoll: &Epoll, desk: &mut Desk<A>) {
        if let Some(Some(connection)) = self.places.get_mut(place) {
            let ended = connection.ready(desk, &mut self.room);
            self.settle(place, ended, epoll, desk);
        }
    }

    /// How long until `expire` is due, None without connections.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        let due = self.due?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// End the connections whose time is over, if it is time to look.
    pub fn expire<A: Answers>(&mut self, epoll: &Epoll, desk: &mut Desk<A>) {
        let Some(due) = self.due else {
            return;
        };
        let now = Instant::now();
        if now < due {
            return;
        }
        let mut next: Option<Instant> = None;
        for place in 0..self.places.len() {
            if let Some(Some(connection)) = self.places.get_mut(place) {
                let ended = connection.expire(now, &self.limits, desk);
                self.settle(place, ended, epoll, desk);
            }
            if let Some(Some(connection)) = self.places.get(place) {
                let over = connection.over(&self.limits);
                next = Some(next.map_or(over, |next| next.min(over)));
            }
        }
        let pause = self.limits.idle.min(self.limits.lifetime) / 10;
        self.due = next.map(|next| next.max(now + pause));
    }

    /// Answer what was read of each connection, let it take its answers within `patience`, and
    /// end them all.
    pub fn finish<A: Answers>(&mut self, patience: Duration, desk: &mut Desk<A>) {
        let until = Instant::now() + patience;
        for place in &mut self.places {
            if let Some(connection) = place {
                connection.finish(desk, &mut self.room, until);
            }
            *place = None;
        }
    }

    /// Which limit forbids another connection of this client.
    fn refusal(&self, client: IpAddr) -> Option<usize> {
        if self.places.len() - self.free.len() >= self.limits.connections {
            return Some(tally::CONNECTIONS);
        }
        let open = self.open.get(&client).copied().unwrap_or(0);
        (open >= self.limits.per_client).then_some(tally::PER_CLIENT)
    }

    fn admit<A: Answers>(
        &mut self,
        stream: TcpStream,
        client: IpAddr,
        epoll: &Epoll,
        desk: &mut Desk<A>,
    ) -> io::Result<()> {
        let source = match client {
            IpAddr::V4(address) => Prefix::host_v4(address.octets()),
            IpAddr::V6(address) => Prefix::host_v6(address.octets()),
        };
        if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
            desk.count(tally::PEER_CLOSED);
            return Ok(());
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        epoll.add(stream.as_fd(), READABLE, self.token + place as u64)?;
        let connection = Connection::new(stream, client, source);
        let over = connection.over(&self.limits);
        self.due = Some(self.due.map_or(over, |due| due.min(over)));
        *self.open.entry(client).or_default() += 1;
        if let Some(empty) = self.places.get_mut(place) {
            *empty = Some(connection);
        }
        self.ready(place, epoll, desk); // its first query often came with it
        Ok(())
    }

    /// Forget a connection that ended, and watch another for what it waits for now.
    fn settle<A: Answers>(
        &mut self,
        place: usize,
        ended: Option<Ended>,
        epoll: &Epoll,
        desk: &Desk<A>,
    ) {
        let Some(kept) = self.places.get_mut(place) else {
            return;
        };
        let Some(connection) = kept else {
            return;
        };
        let over = connection.over(&self.limits);
        self.due = Some(self.due.map_or(over, |due| due.min(over)));
        let token = self.token + place as u64;
        let ended = ended.or_else(|| connection.watch(epoll, token));
        let Some(ended) = ended else {
            return;
        };
        if let Ended::Counted(limit) = ended {
            desk.count(limit);
        }
        let client = connection.client;
        *kept = None;
        self.free.push(place);
        if let Some(open) = self.open.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&client);
            }
        }
        if self.open.is_empty() {
            self.due = None;
        }
    }

    /// A connection that broke before it was accepted is its client's loss alone. Out of files:
    /// a place is a file, so the limit of connections is what counts.
    fn survive<A: Answers>(&self, wrong: io::Error, desk: &Desk<A>) -> io::Result<()> {
        match (wrong.raw_os_error(), wrong.kind()) {
            (Some(EMFILE | ENFILE), _) => {
                desk.count(tally::CONNECTIONS);
                std::thread::sleep(Duration::from_millis(1)); // it stays ready; do not spin
                Ok(())
            }
            (_, ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => Ok(()),
            (_, ErrorKind::InvalidInput) => Err(wrong),
            _ => {
                desk.count(tally::PEER_CLOSED);
                Ok(())
            }
        }
    }
}
