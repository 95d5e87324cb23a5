//! The life of one TCP connection.
//!
//! ```text
//!            ┌────── answers went out, little is left ──────┐
//!            ▼                                              │
//!   ──►  Reading ──── more than HIGH octets unsent ────► Blocked
//!            │                                              │ idle: slow_reader
//!            │ clean end of its queries, idle,              ▼
//!            │ a message that gets no answer              closed
//!            ▼                                              ▲
//!         Closing ──── all is sent; or idle: slow_reader ───┘
//! ```
//!
//! **Reading**: whatever came is answered in its order; no complete message is left over. A
//! client has its idle time from one message to the next, whether it trickles or is silent (counted
//! as idle); that is shorter the fewer slots are left (`slots`), but while answers are unsent.
//! **Blocked**: it does not read its answers, so its queries are neither read nor
//! answered; what is unsent is at most HIGH octets and one answer. **Closing**: nothing is read
//! any more, what is unsent goes out. Any of them ends after `lifetime`, on a reset, or (Reading)
//! at an end within a message, which count as `lifetime` and `peer_closed`.

use crate::io::epoll::{Epoll, wait_for};
use crate::io::kernel::{READABLE, WRITABLE};
use crate::io::slots::Transport;
use crate::io::slots::tcp_refused;
use crate::io::tcp::Limits;
use crate::io::{Answers, Responder};
use crate::wire::prefix::Prefix;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Unsent octets above which nothing more is answered: more costs memory for each client that does
/// not read, less stops pipelining clients earlier.
const HIGH: usize = 64 << 10;
/// Unsent octets below which it goes on; near `HIGH` it would stop and go on for every answer.
const LOW: usize = 16 << 10;
/// Octets read at once: less costs more system calls for pipelined queries, more memory per worker.
const READ: usize = 16 << 10;
/// The largest message.
const MESSAGE: usize = u16::MAX as usize;

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// As it should.
    Normally,
    /// By a limit or a loss, counted in this slot.
    Counted(usize),
}

/// What a worker reads into and answers in, one connection at a time.
pub struct Buffers {
    read: Box<[u8]>,
    answer: Box<[u8]>,
}

impl Buffers {
    /// For one read and one answer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            read: vec![0; READ].into(),
            answer: vec![0; MESSAGE].into(),
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Reading,
    Blocked,
    Closing,
}

/// One connection.
pub struct Connection {
    source: Prefix,
    stream: TcpStream,
    state: State,
    watched: u32,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    sent: usize,
    ended: bool,
    opened_at: Instant,
    active_at: Instant,
}

impl Connection {
    /// A connection that was just accepted, and is watched for reading.
    #[must_use]
    pub fn new(stream: TcpStream, source: Prefix) -> Self {
        let now = Instant::now();
        Self {
            source,
            stream,
            state: State::Reading,
            watched: READABLE,
            unread: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            ended: false,
            opened_at: now,
            active_at: now,
        }
    }

    /// When its time is over, unless something happens before; `idle` is that of the moment.
    #[must_use]
    pub fn deadline(&self, limits: &Limits, idle: Duration) -> Instant {
        (self.active_at + self.idle_time(limits, idle)).min(self.opened_at + limits.lifetime)
    }

    /// Whether no query of it is being answered, and no answer unsent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state == State::Reading && self.sent == self.unsent.len()
    }

    /// When its last query was answered, its answers were sent, or it began.
    #[must_use]
    pub const fn active_at(&self) -> Instant {
        self.active_at
    }

    /// When it began, if it has been open without a query until now.
    #[must_use]
    pub fn awaits_first_query_since(&self) -> Option<Instant> {
        (self.state == State::Reading && self.active_at == self.opened_at).then_some(self.opened_at)
    }

    /// Read and write as far as it goes.
    pub fn ready<A: Answers>(
        &mut self,
        responder: &mut Responder<A>,
        buffers: &mut Buffers,
    ) -> Option<Ended> {
        if self.state == State::Reading
            && let Some(ended) = self.read(buffers)
        {
            return Some(ended);
        }
        self.advance(responder, buffers)
    }

    /// End it, or begin to, when its time is over.
    pub fn expire<A: Answers>(
        &mut self,
        now: Instant,
        limits: &Limits,
        idle: Duration,
        responder: &Responder<A>,
    ) -> Option<Ended> {
        if now >= self.opened_at + limits.lifetime {
            return Some(Ended::Counted(tcp_refused::LIFETIME));
        }
        let silent = now.saturating_duration_since(self.active_at);
        if silent < self.idle_time(limits, idle) {
            return None;
        }
        if self.state != State::Reading {
            return Some(Ended::Counted(tcp_refused::SLOW_READER));
        }
        responder.count(if silent < limits.idle {
            tcp_refused::IDLE_SHORTENED
        } else {
            tcp_refused::IDLE
        });
        self.close();
        self.write()
    }

    /// Watch it for what it waits for now.
    pub fn watch(&mut self, epoll: &Epoll, token: u64) -> Option<Ended> {
        let wanted = match self.state {
            State::Reading if self.sent == self.unsent.len() => READABLE,
            State::Reading => READABLE | WRITABLE,
            State::Blocked | State::Closing => WRITABLE,
        };
        if wanted == self.watched {
            return None;
        }
        self.watched = wanted;
        let changed = epoll.change(self.stream.as_fd(), wanted, token);
        changed
            .err()
            .map(|_| Ended::Counted(tcp_refused::PEER_CLOSED))
    }

    /// Answer what was read, and wait for it to be taken, at most `until` then.
    pub fn finish<A: Answers>(
        &mut self,
        responder: &mut Responder<A>,
        buffers: &mut Buffers,
        until: Instant,
    ) {
        let mut ended = self.ready(responder, buffers);
        while ended.is_none() && self.sent < self.unsent.len() {
            let left = until.saturating_duration_since(Instant::now());
            if !wait_for(self.stream.as_fd(), WRITABLE, left) {
                return;
            }
            ended = self.advance(responder, buffers);
        }

        let _gone = self.stream.shutdown(Shutdown::Write);
    }

    fn idle_time(&self, limits: &Limits, idle: Duration) -> Duration {
        if self.is_idle() { idle } else { limits.idle }
    }

    fn read(&mut self, buffers: &mut Buffers) -> Option<Ended> {
        match self.stream.read(&mut buffers.read) {
            Ok(0) => self.ended = true,
            Ok(count) => self.unread.extend_from_slice(buffers.read.get(..count)?),
            Err(error) if is_later(error.kind()) => {}
            Err(_) => return Some(Ended::Counted(tcp_refused::PEER_CLOSED)),
        }
        None
    }

    /// Answer, write, and again, until the client or its socket is waited for.
    fn advance<A: Answers>(
        &mut self,
        responder: &mut Responder<A>,
        buffers: &mut Buffers,
    ) -> Option<Ended> {
        loop {
            self.answer(responder, buffers);
            if let Some(ended) = self.write() {
                return Some(ended);
            }
            let unsent = self.unsent.len() - self.sent;
            match self.state {
                State::Blocked if unsent <= LOW => {
                    self.state = State::Reading;
                    self.active_at = Instant::now();
                }
                State::Reading if unsent > HIGH => {
                    self.state = State::Blocked;
                    self.active_at = Instant::now();
                    return None;
                }
                State::Reading if next(&self.unread).is_some() => {}
                State::Reading if self.ended && !self.unread.is_empty() => {
                    return Some(Ended::Counted(tcp_refused::PEER_CLOSED));
                }
                State::Reading if self.ended => self.close(),
                State::Closing if unsent == 0 => return Some(Ended::Normally),
                State::Reading | State::Blocked | State::Closing => return None,
            }
        }
    }

    /// Answer the complete messages, while little enough is unsent.
    fn answer<A: Answers>(&mut self, responder: &mut Responder<A>, buffers: &mut Buffers) {
        let mut used = 0;
        while self.state == State::Reading && self.unsent.len() - self.sent <= HIGH {
            let Some(packet) = self.unread.get(used..).and_then(next) else {
                break;
            };
            used += 2 + packet.len();
            let length =
                responder.respond(packet, &self.source, Transport::Tcp, &mut buffers.answer);
            let Some(answer) = length.and_then(|length| buffers.answer.get(..length)) else {
                self.close();
                break;
            };
            self.unsent
                .extend_from_slice(&(answer.len() as u16).to_be_bytes());
            self.unsent.extend_from_slice(answer);
        }
        if used > 0 {
            // Less is there once it is closing.
            self.unread.drain(..used.min(self.unread.len()));
            self.active_at = Instant::now();
        }
        if self.unread.is_empty() {
            self.unread = Vec::new(); // an idle connection holds no memory
        }
    }

    /// Write what the socket takes now.
    fn write(&mut self) -> Option<Ended> {
        let nothing = self.sent == self.unsent.len();
        while let Some(rest) = self.unsent.get(self.sent..)
            && !rest.is_empty()
        {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Some(Ended::Counted(tcp_refused::PEER_CLOSED)),
            }
        }
        if self.sent == self.unsent.len() {
            (self.unsent, self.sent) = (Vec::new(), 0);
            if self.state == State::Closing {
                return Some(Ended::Normally);
            }
            if !nothing {
                self.active_at = Instant::now();
            }
        } else if self.sent > HIGH {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        None
    }

    fn close(&mut self) {
        self.state = State::Closing;
        self.unread = Vec::new();
        self.active_at = Instant::now();
    }
}

/// The first complete message of a stream (RFC 1035 §4.2.2).
fn next(stream: &[u8]) -> Option<&[u8]> {
    let (length, rest) = stream.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

fn is_later(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_or_not() {
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[0]), None);
        assert_eq!(next(&[0, 0]), Some(&[][..]));
        assert_eq!(next(&[0, 2, 7]), None);
        assert_eq!(next(&[0, 2, 7, 8, 9]), Some(&[7, 8][..]));
    }
}
