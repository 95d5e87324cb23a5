//! Requests for pages of metrics, each over a TCP connection of its own, on behalf of Python.
//!
//! ```text
//!   Python ── begin ──► a slot each, one epoll instance for all of them
//!          ◄─ records ─ turn: sees to what is ready, and tells what has ended by it
//!          ── cancel, look, take
//! ```
//!
//! A page that looks as it was expected to is read where it was received, and told by its numbers.
//! Whatever else comes goes to Python with the connection and all octets, so what a response means
//! is decided in one place (`resolverd/health/probes/`). There is no thread in here, and no clock but
//! for the time of a handshake: whoever begins an exchange has its deadline.

mod contract;
mod exchange;
mod slots;
#[cfg(test)]
mod tests;

pub use contract::EXCHANGE_SERIES;
pub use exchange::Page;

use crate::io::epoll::Epoll;
use crate::io::kernel::{EDGES, ENDED, Event, PollFd, READABLE, WRITABLE};
use crate::io::sys;
use contract::{
    EXCHANGE_FAILED, EXCHANGE_NO_CONNECT, EXCHANGE_NUMBERS, EXCHANGE_OTHER, EXCHANGE_READ,
};
use exchange::{Exchange, Other, Step};
use slots::Slots;
use std::io;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Octets received at once: a page of metrics, and of two engines.
const ROOM: usize = 128 * 1024;
/// Events fetched at once at most.
const EVENTS: usize = 64;

/// What one has shown that has met nobody, or is not under way ([`Exchanges::cancel`]).
pub const NOTHING_SHOWN: [u64; 2] = [EXCHANGE_NO_CONNECT, 0];

/// All that are under way.
pub struct Exchanges {
    epoll: Epoll,
    under_way: Mutex<UnderWay>,
}

struct UnderWay {
    slots: Slots,
    /// What all of them receive into.
    room: Box<[u8]>,
}

impl Exchanges {
    /// None are under way.
    ///
    /// # Errors
    /// As epoll_create1(2).
    pub fn new() -> io::Result<Self> {
        let slots = Slots::default();
        let room = vec![0; ROOM].into();
        Ok(Self {
            epoll: Epoll::new()?,
            under_way: Mutex::new(UnderWay { slots, room }),
        })
    }

    /// A descriptor that is readable while there is something to see to.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.epoll.as_fd().as_raw_fd()
    }

    /// Ask for `page`; by which number its record and whoever cancels it calls it.
    ///
    /// # Errors
    /// Where this host cannot even begin.
    pub fn begin(&self, page: Arc<Page>) -> io::Result<u64> {
        let exchange = Exchange::begin(page)?;
        let under_way = &mut *self.lock();
        let number = under_way.slots.next();
        let wanted = READABLE | WRITABLE | ENDED | EDGES;
        self.epoll.add(exchange.stream().as_fd(), wanted, number)?;
        under_way.slots.put(exchange);
        Ok(number)
    }

    /// End one and forget what has come, if it is there still; nothing is told of it any more.
    ///
    /// Gives what it has shown: the time of the TCP handshake in nanoseconds ([`EXCHANGE_NO_CONNECT`]
    /// where there was none), and 1 where the head of a response has come, 0 where not.
    #[must_use]
    pub fn cancel(&self, number: u64) -> [u64; 2] {
        let under_way = &mut *self.lock();
        let shown = under_way
            .slots
            .get(number)
            .map_or(NOTHING_SHOWN, |exchange| {
                [handshake(exchange), u64::from(exchange.is_answered())]
            });
        let _what_has_come = under_way.slots.free(number);
        shown
    }

    /// See to what is ready, at most so many of them: how many numbers of `out` were written.
    ///
    /// The first is how many were seen to; then comes a record for each that has ended by it. A
    /// record is the exchange's number, what it says ([`EXCHANGE_READ`], [`EXCHANGE_FAILED`] or
    /// [`EXCHANGE_OTHER`]), the time of the TCP handshake in nanoseconds ([`EXCHANGE_NO_CONNECT`]),
    /// and what that says.
    pub fn turn(&self, most: usize, out: &mut [u64]) -> usize {
        let Some((seen, records)) = out.split_first_mut() else {
            return 0;
        };
        *seen = 0;
        let mut events = [Event::default(); EVENTS];
        let most = most.min(records.len() / EXCHANGE_NUMBERS).min(EVENTS);
        let chosen = events.get_mut(..most).unwrap_or_default();
        if chosen.is_empty() {
            return 1;
        }
        let ready = self.epoll.wait(chosen, Some(Duration::ZERO)).unwrap_or(0);
        let (under_way, now) = (&mut *self.lock(), Instant::now());
        let mut written = 0;
        for event in chosen.iter().take(ready) {
            let room = records.get_mut(written..).unwrap_or_default();
            let (number, ready) = (event.token, event.ready);
            written += self.see_to(under_way, number, ready, now, room);
        }
        *seen = ready as u64;
        1 + written
    }

    /// The same of one of them, out of turn; the first number is whether anything has come.
    pub fn look(&self, number: u64, out: &mut [u64]) -> usize {
        let Some((seen, records)) = out.split_first_mut() else {
            return 0;
        };
        let under_way = &mut *self.lock();
        let before = under_way.slots.get(number).map(|e| (e.connect, e.reads));
        let mut file = under_way.slots.get(number).map(|exchange| PollFd {
            descriptor: exchange.stream().as_raw_fd(),
            wanted: (READABLE | WRITABLE | ENDED) as i16,
            ready: 0,
        });
        let polled = file.as_mut().map(std::slice::from_mut);
        let written = if polled.is_some_and(|files| sys::poll(files, 0).is_ok_and(|n| n > 0)) {
            let ready = file.map_or(0, |file| u32::from(file.ready.cast_unsigned()));
            self.see_to(under_way, number, ready, Instant::now(), records)
        } else {
            0
        };
        let after = under_way.slots.get(number).map(|e| (e.connect, e.reads));
        *seen = u64::from(before != after);
        1 + written
    }

    /// What has come of one that is left to Python: it is forgotten here.
    #[must_use]
    pub fn take(&self, number: u64) -> Vec<u8> {
        self.lock().slots.free(number)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Go on with one that is `ready`; how long its record is, if it has ended by that.
    fn see_to(
        &self,
        under_way: &mut UnderWay,
        number: u64,
        ready: u32,
        now: Instant,
        record: &mut [u64],
    ) -> usize {
        let Some(exchange) = under_way.slots.get_mut(number) else {
            return 0;
        };
        let Some((head, rest)) = record.split_first_chunk_mut::<4>() else {
            return 0;
        };
        let step = exchange.go_on(ready, now, &mut under_way.room, rest);
        let connect = handshake(exchange);
        match step {
            Step::Waits => 0,
            Step::Read(count) => {
                let _nothing_is_left = under_way.slots.free(number);
                *head = [number, EXCHANGE_READ, connect, count as u64];
                4 + count
            }
            Step::Failed(error) => {
                let _nothing_is_left = under_way.slots.free(number);
                *head = [
                    number,
                    EXCHANGE_FAILED,
                    connect,
                    i64::from(error).cast_unsigned(),
                ];
                4
            }
            Step::Other(other) => {
                let reads = u64::from(exchange.reads);
                let octets = exchange.received.len() as u64;
                *head = [number, EXCHANGE_OTHER, connect, octets];
                let fields = self.leave(&mut under_way.slots, number, other);
                for (to, from) in rest.iter_mut().zip(fields.into_iter().chain([reads])) {
                    *to = from;
                }
                7
            }
        }
    }

    /// Leave one to Python: its descriptor, and the error by which it has ended.
    fn leave(&self, slots: &mut Slots, number: u64, other: Other) -> [u64; 2] {
        let stream = slots.leave(number).filter(|_| !other.ended);
        let descriptor = stream.map_or(-1, |stream| {
            let _it_is_there = self.epoll.remove(stream.as_fd());
            stream.into_raw_fd()
        });
        [descriptor, other.error].map(|n| i64::from(n).cast_unsigned())
    }
}

/// The time of its TCP handshake in nanoseconds.
fn handshake(exchange: &Exchange) -> u64 {
    exchange
        .connect
        .map_or(EXCHANGE_NO_CONNECT, |time| time.as_nanos() as u64)
}
