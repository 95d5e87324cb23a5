//! One request for a page, and its response over a TCP connection of its own.
//!
//! ```text
//! connect ──► writable: connected ──► send ──► readable: a part ──► … ──► the page, whole
//!                                                 │ anything else, or the connection ends
//!                                                 ▼
//!                                             left to Python, from the first octet
//! ```
//!
//! What comes is bounded: a page has so many octets at most (`pages::response`), and comes in so
//! many reads.

use crate::io::kernel::{AF_INET, AF_INET6, ENDED, FAILED, HUNG_UP, Peer, READABLE, WRITABLE};
use crate::io::sys;
use crate::pages::Layout;
use crate::pages::response::{Body, Come};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads after which a response in very many segments is left to Python.
const MAX_READS: u32 = 256;
/// What is readable, or has ended, or both.
const READING: u32 = READABLE | ENDING;
/// What has ended, or failed.
const ENDING: u32 = ENDED | FAILED | HUNG_UP;

/// A page to be asked for: whom, with which octets, and what the page looks like.
pub struct Page {
    peer: Peer,
    octets: u32,
    request: Box<[u8]>,
    layout: Arc<Layout>,
}

impl Page {
    /// `peer` is a `sockaddr_in` or `sockaddr_in6`; None where it is neither.
    #[must_use]
    pub fn new(peer: &[u8], request: &[u8], layout: Arc<Layout>) -> Option<Self> {
        let mut known = Peer::default();
        for (to, from) in known.octets.iter_mut().zip(peer) {
            *to = *from;
        }
        let octets = match family(&known) {
            AF_INET => 16,
            AF_INET6 => 28,
            _ => return None,
        };
        (peer.len() == octets).then(|| Self {
            peer: known,
            octets: octets as u32,
            request: request.into(),
            layout,
        })
    }
}

fn family(peer: &Peer) -> u16 {
    let [low, high, ..] = peer.octets;
    u16::from_ne_bytes([low, high])
}

/// What has become of an exchange.
pub enum Step {
    /// Nothing yet.
    Waits,
    /// The page is there, and has so many numbers.
    Read(usize),
    /// There is no connection, or none any more to send the request: an error number.
    Failed(i32),
    /// Something has come that is not plainly the page, or not come whole.
    Other(Other),
}

/// How far a response has come that is left to Python.
#[derive(Clone, Copy, Default)]
pub struct Other {
    /// Whether the connection has ended.
    pub ended: bool,
    /// Why, as an error number; 0 where it just ended.
    pub error: i32,
}

/// One that is under way.
pub struct Exchange {
    page: Arc<Page>,
    stream: TcpStream,
    began: Instant,
    /// The time of the TCP handshake, once there was one.
    pub connect: Option<Duration>,
    sent: usize,
    /// Reads so far.
    pub reads: u32,
    body: Option<Body>,
    /// What has come so far, unless it was looked at where it was received.
    pub received: Vec<u8>,
}

impl Exchange {
    /// Begin to connect.
    ///
    /// # Errors
    /// Where this host cannot even begin.
    pub fn begin(page: Arc<Page>) -> io::Result<Self> {
        let file = sys::connecting(i32::from(family(&page.peer)), &page.peer, page.octets)?;
        Ok(Self {
            page,
            stream: TcpStream::from(file),
            began: Instant::now(),
            connect: None,
            sent: 0,
            reads: 0,
            body: None,
            received: Vec::new(),
        })
    }

    /// The connection.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether the head of a response has come, whole. One that is no page's is left to Python at
    /// once, and so is a part of one.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.body.is_some()
    }

    /// The connection, and what has come by it.
    #[must_use]
    pub fn parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.received)
    }

    /// Do what can be done as the connection is `ready` for, `now`; receive into `room`. `numbers`
    /// gets the bits of those of the page.
    pub fn go_on(
        &mut self,
        ready: u32,
        now: Instant,
        room: &mut [u8],
        numbers: &mut [u64],
    ) -> Step {
        if self.connect.is_none() {
            if ready & (FAILED | HUNG_UP) != 0
                && let Ok(Some(error)) = self.stream.take_error()
            {
                return failed(&error);
            }
            if ready & WRITABLE == 0 {
                return Step::Waits;
            }
            self.connect = Some(now.saturating_duration_since(self.began));
        }
        if ready & WRITABLE != 0
            && let Err(error) = self.send()
        {
            return failed(&error);
        }
        if ready & READING == 0 {
            return Step::Waits;
        }
        self.read(ready & ENDING != 0, room, numbers)
    }

    /// Send as much of the request as the socket takes.
    fn send(&mut self) -> io::Result<()> {
        while let Some(rest) = self.page.request.get(self.sent..).filter(|r| !r.is_empty()) {
            match (&self.stream).write(rest) {
                Ok(0) => break,
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All that is there now; a short read has emptied the socket, and a new event follows.
    fn read(&mut self, ending: bool, room: &mut [u8], numbers: &mut [u64]) -> Step {
        loop {
            let length = match (&self.stream).read(room) {
                Ok(length) => length,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Step::Waits,
                    ErrorKind::Interrupted => continue,
                    _ => return ended(error.raw_os_error().unwrap_or_default()),
                },
            };
            if length == 0 {
                return ended(0);
            }
            self.reads += 1;
            let step = self.take(room.get(..length).unwrap_or_default(), numbers);
            if !matches!(step, Step::Waits) || (length < room.len() && !ending) {
                return step;
            }
        }
    }

    /// What `new` octets make of it. They are kept, unless they end it.
    fn take(&mut self, new: &[u8], numbers: &mut [u64]) -> Step {
        let first = self.received.is_empty();
        if !first {
            self.received.extend_from_slice(new);
        }
        let whole = if first { new } else { self.received.as_slice() };
        if self.body.is_none() {
            self.body = Body::of(whole);
        }
        let come = self.body.as_ref().map(|body| body.come(whole));
        let step = match come {
            Some(Come::Part) if self.reads < MAX_READS => Step::Waits,
            Some(Come::Whole(place)) => whole
                .get(place)
                .and_then(|page| self.page.layout.read(page, numbers))
                .map_or(Step::Other(Other::default()), Step::Read),
            _ => Step::Other(Other::default()),
        };
        if first && !matches!(step, Step::Read(_)) {
            let octets = self.body.as_ref().map_or(0, Body::octets);
            self.received.reserve_exact(octets.max(new.len()));
            self.received.extend_from_slice(new);
        }
        step
    }
}

fn failed(error: &io::Error) -> Step {
    Step::Failed(error.raw_os_error().unwrap_or_default())
}

fn ended(error: i32) -> Step {
    Step::Other(Other { ended: true, error })
}
