//! One worker: a thread, its sockets, and the loop in which it serves them.
//!
//! ```text
//!   wait ──► datagrams, connections, command ─► adopt what is next? ──► expired connections ─┐
//!    ▲                                                                                       │
//!    └───────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It waits for its UDP sockets by poll(2), and there for one epoll set of everything else: see
//! `epoll::Poll` for the reason. A UDP socket that several workers share is in that set instead,
//! for there one of them can be woken alone.
//!
//! It ends on the command to stop, on an error of its own files, or by a panic; `engine` tells the
//! two latter. Commands are looked for between two batches, so a new Snapshot is served after at
//! most one batch of the old.

use crate::io::control::{Command, WorkerControl};
use crate::io::epoll::{Epoll, Poll};
use crate::io::kernel::{EXCLUSIVE, Event, READABLE};
use crate::io::loop_watch::{GivingWay, LoopWatch};
use crate::io::sys::take_precedence;
use crate::io::tcp::{Accepted, Limits, TcpService};
use crate::io::udp::UdpService;
use crate::io::{Answers, Responder};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Events that one wait returns: with fewer a busy worker waits more often.
const EVENTS: usize = 64;
/// How long all connections together have, at the end, to take their answers: longer lets slower
/// clients have theirs, and delays the stop by as much.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a stop waits for queries that are under way on open connections: longer loses fewer of
/// them, and delays every stop with connections.
const LAST_QUERY_WAIT: Duration = Duration::from_millis(100);
/// How long, from its beginning on, a stop waits for the first query of a connection: a client on a
/// busy host sends it late, and has nobody to send it to again. Longer delays a stop by as much.
const FIRST_QUERY_WAIT: Duration = Duration::from_secs(1);
/// How long nobody is accepted after no descriptor was to be had: shorter costs CPU on a socket
/// that stays ready, longer delays the first connection once a descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Nanoseconds of a worker's turn: the least there is. Whoever asks for short turns is given them
/// early, so a query does not wait until a thread of Python's that has the core ends its own.
const TIME_SLICE: u64 = 100_000;
/// By how much a worker's nice value is lower than that of the process, where it may be: 265 times
/// the weight of Python's event loop. A worker that is woken just after it slept goes first once a
/// thread of Python's has run for as much less than the worker's last turn, 0.4 µs after one of
/// 0.1 ms; before, it waits for the next tick. So with less a query waits; with more, what gives
/// way is left to `loop_watch` alone.
const PRECEDENCE: i32 = 15;

/// A UDP socket.
pub struct BoundUdp {
    /// It, not blocking.
    pub socket: OwnedFd,
    /// Whether each datagram comes with its destination (`IP_PKTINFO`, `IPV6_RECVPKTINFO`).
    pub pktinfo: bool,
    /// Whether other workers have it too.
    pub shared: bool,
}

/// The sockets of one worker.
#[derive(Default)]
pub struct WorkerSockets {
    /// UDP sockets.
    pub udp: Vec<BoundUdp>,
    /// Listening TCP sockets.
    pub tcp: Vec<OwnedFd>,
}

/// What is ready, as the tokens of an epoll set tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ready {
    Command,
    Udp(usize),
    Listening(usize),
    Connection(usize),
}

const KIND: u32 = 32;

impl Ready {
    const fn token(self) -> u64 {
        match self {
            Self::Command => 0,
            Self::Udp(index) => 1 << KIND | index as u64,
            Self::Listening(index) => 2 << KIND | index as u64,
            Self::Connection(index) => 3 << KIND | index as u64,
        }
    }

    const fn of(token: u64) -> Self {
        let index = (token & 0xFFFF_FFFF) as usize;
        match token >> KIND {
            1 => Self::Udp(index),
            2 => Self::Listening(index),
            3 => Self::Connection(index),
            _ => Self::Command,
        }
    }
}

/// A worker, made and run by its own thread.
pub struct Worker<A: Answers> {
    control: Arc<WorkerControl<A>>,
    responder: Responder<A>,
    epoll: Epoll,
    poll: Poll,
    udp: Vec<UdpService>,
    /// How many of `udp` come first and are in `poll`; the set follows them there.
    own: usize,
    listening: Vec<TcpListener>,
    /// When the listening sockets, which are in no set, are watched again.
    listen_again: Option<Instant>,
    tcp: TcpService,
    giving_way: GivingWay,
    done: u64,
}

impl<A: Answers> Worker<A> {
    /// A worker for these sockets, which it closes at its end.
    ///
    /// # Errors
    /// When the sockets cannot be watched.
    pub fn new(
        control: Arc<WorkerControl<A>>,
        responder: Responder<A>,
        sockets: WorkerSockets,
        limits: Limits,
        watch: Arc<LoopWatch>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(control.waker().as_fd(), READABLE, Ready::Command.token())?;
        let (shared, own): (Vec<_>, Vec<_>) = sockets.udp.into_iter().partition(|udp| udp.shared);
        for (index, udp) in shared.iter().enumerate() {
            let token = Ready::Udp(own.len() + index).token();
            epoll.add(udp.socket.as_fd(), READABLE | EXCLUSIVE, token)?;
        }
        let watched = own.iter().map(|udp| udp.socket.as_fd());
        let poll = Poll::new(watched.chain([epoll.as_fd()]));
        let own_count = own.len();
        let udp = own.into_iter().chain(shared);
        let listening: Vec<_> = sockets.tcp.into_iter().map(TcpListener::from).collect();
        listen(&listening, &epoll)?;
        Ok(Self {
            control,
            responder,
            epoll,
            poll,
            own: own_count,
            udp: udp
                .map(|udp| UdpService::new(udp.socket, udp.pktinfo))
                .collect(),
            listening,
            listen_again: None,
            tcp: TcpService::new(limits, Ready::Connection(0).token()),
            giving_way: GivingWay::new(watch),
            done: 0,
        })
    }

    /// Serve until the command to stop.
    ///
    /// # Errors
    /// When its files fail.
    pub fn run(mut self) -> io::Result<()> {
        // What forbids it costs the latest answers some time, and nothing else.
        let _unchanged = take_precedence(PRECEDENCE, TIME_SLICE);
        let mut events = [Event::default(); EVENTS];
        loop {
            self.poll.wait(self.until_due())?;
            for index in 0..self.own {
                if self.poll.is_ready(index) {
                    self.serve(Ready::Udp(index))?;
                }
            }
            if self.poll.is_ready(self.own) {
                let count = self.epoll.wait(&mut events, Some(Duration::ZERO))?;
                for event in events.iter().take(count) {
                    self.serve(Ready::of(event.token))?;
                }
            }
            if self.control.has_command(self.done) && !self.follow() {
                self.answer_last_queries(&mut events)?;
                self.tcp.finish(CLOSE_TIMEOUT, &mut self.responder);
                return Ok(());
            }
            self.tcp.expire(&self.epoll, &mut self.responder);
            if self.listen_again.is_some_and(|due| due <= Instant::now()) {
                self.listen_again = None;
                listen(&self.listening, &self.epoll)?;
            }
        }
    }

    /// Accept nobody more, and answer queries that are under way on open connections.
    fn answer_last_queries(&mut self, events: &mut [Event]) -> io::Result<()> {
        let last = Instant::now() + LAST_QUERY_WAIT;
        let shared = self.udp.iter().skip(self.own).map(AsFd::as_fd);
        for other in self.listening.iter().map(AsFd::as_fd).chain(shared) {
            let _unwatched = self.epoll.remove(other); // it may be already
        }
        while !self.tcp.is_empty() {
            let first = self.tcp.awaits_first_query_since();
            let until = first.map_or(last, |began| last.max(began + FIRST_QUERY_WAIT));
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let count = self.epoll.wait(events, Some(left))?;
            for event in events.iter().take(count) {
                self.serve(Ready::of(event.token))?;
            }
        }
        Ok(())
    }

    /// How long until something is due, None for nothing.
    fn until_due(&self) -> Option<Duration> {
        let listen = self.listen_again;
        let listen = listen.map(|due| due.saturating_duration_since(Instant::now()));
        listen.into_iter().chain(self.tcp.until_due()).min()
    }

    fn serve(&mut self, ready: Ready) -> io::Result<()> {
        let (control, done, responder) = (&self.control, self.done, &mut self.responder);
        match ready {
            Ready::Udp(index) => match self.udp.get_mut(index) {
                Some(udp) => {
                    let came = udp.serve(responder, || control.has_command(done))?;
                    self.giving_way.served(came);
                    Ok(())
                }
                None => Ok(()),
            },
            Ready::Listening(index) => match self.listening.get(index) {
                Some(listening) if self.listen_again.is_none() => {
                    if self.tcp.accept(listening, &self.epoll, responder)? == Accepted::Later {
                        self.listen_again = Some(Instant::now() + ACCEPT_PAUSE);
                        for listening in &self.listening {
                            self.epoll.remove(listening.as_fd())?;
                        }
                    }
                    Ok(())
                }
                _ => Ok(()),
            },
            Ready::Connection(place) => {
                self.tcp.ready(place, &self.epoll, responder);
                self.giving_way.served(1);
                Ok(())
            }
            Ready::Command => {
                control.waker().clear();
                Ok(())
            }
        }
    }

    /// Carry out the newest command; false when it is to stop.
    fn follow(&mut self) -> bool {
        let Some((number, command, next)) = self.control.take_command() else {
            return true;
        };
        if let Some(next) = next {
            let old = self.responder.adopt(next);
            self.control.retire(old);
        }
        let check_error = match command {
            Command::Check => self.responder.self_check().err(),
            Command::Hang(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds.into()));
                None
            }
            Command::Panic => {
                #[expect(clippy::panic, reason = "a command that only tests send")]
                {
                    panic!("a command of a test");
                }
            }
            Command::Adopt | Command::Stop => None,
        };
        self.done = number;
        self.control.report(number, check_error);
        command != Command::Stop
    }
}

/// Have a worker woken, of all who share the sockets one, by whoever wants to be accepted.
fn listen(listening: &[TcpListener], epoll: &Epoll) -> io::Result<()> {
    for (index, socket) in listening.iter().enumerate() {
        let token = Ready::Listening(index).token();
        epoll.add(socket.as_fd(), READABLE | EXCLUSIVE, token)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_is_ready() {
        for ready in [
            Ready::Command,
            Ready::Udp(0),
            Ready::Udp(300),
            Ready::Listening(1),
            Ready::Connection(99_999),
        ] {
            assert_eq!(Ready::of(ready.token()), ready);
        }
    }
}
