//! Datagrams of one socket: received in batches, answered, sent in batches.
//!
//! While a batch comes full there is more, so the worker stays with the socket, for a bounded
//! number of rounds; a batch that is not full sends it back to wait. What was received is
//! answered before anything else is done, so nothing read is lost when a worker stops.

use crate::io::epoll::wait_for;
use crate::io::kernel::{EBADF, EFAULT, ENOTSOCK, WRITABLE};
use crate::io::slots::Transport;
use crate::io::udp_batch::{BATCH, DatagramBatch};
use crate::io::{Answers, Responder, send_error};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Full batches before the worker turns to its other files: with more a flood of datagrams delays
/// connections and commands, with fewer it costs more waiting calls.
const ROUNDS: usize = 16;
/// How long one batch may wait until the socket can be written; then its answers are given up.
/// Longer loses fewer of them, and leaves queries unread meanwhile.
const SEND_TIMEOUT: Duration = Duration::from_millis(10);

/// One socket and its batch.
pub struct UdpService {
    socket: OwnedFd,
    batch: DatagramBatch,
}

impl UdpService {
    /// `pktinfo` as for [`DatagramBatch::new`].
    #[must_use]
    pub fn new(socket: OwnedFd, pktinfo: bool) -> Self {
        let batch = DatagramBatch::new(pktinfo);
        Self { socket, batch }
    }

    /// Answer what waits, until there is no more or `interrupted` says that something else is due;
    /// how many datagrams came.
    ///
    /// # Errors
    /// When the socket is none any more.
    pub fn serve<A: Answers>(
        &mut self,
        responder: &mut Responder<A>,
        interrupted: impl Fn() -> bool,
    ) -> io::Result<usize> {
        let mut total = 0;
        for _ in 0..ROUNDS {
            let came = match self.batch.receive(self.socket.as_fd()) {
                Ok(came) => came,
                Err(nothing) if nothing.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    survive(error, responder)?;
                    break;
                }
            };
            total += came;
            if came > 1 {
                responder.prefetch(self.batch.iter(came));
            }
            for index in 0..came {
                let Some(datagram) = self.batch.get(index) else {
                    continue;
                };
                let (packet, source) = (datagram.packet, &datagram.source);
                let length = responder.respond(packet, source, Transport::Udp, datagram.out);
                if let Some(length) = length {
                    self.batch.answer(index, length);
                }
            }
            self.send(responder)?;
            if came < BATCH || interrupted() {
                break;
            }
        }
        Ok(total)
    }

    fn send<A: Answers>(&mut self, responder: &mut Responder<A>) -> io::Result<()> {
        let mut may_wait = true;
        while self.batch.unsent() > 0 {
            let Err(error) = self.batch.send(self.socket.as_fd()) else {
                continue;
            };
            match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock if may_wait => {
                    may_wait = wait_for(self.socket.as_fd(), WRITABLE, SEND_TIMEOUT);
                }
                _ => {
                    self.batch.skip();
                    survive(error, responder)?;
                }
            }
        }
        Ok(())
    }
}

impl AsFd for UdpService {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Count an error that concerns a peer or a route; give back one that concerns the socket.
fn survive<A: Answers>(error: io::Error, responder: &Responder<A>) -> io::Result<()> {
    match error.raw_os_error() {
        Some(EBADF | ENOTSOCK | EFAULT) => Err(error),
        _ if error.kind() == ErrorKind::Interrupted => Ok(()),
        _ => {
            responder.count(send_error::slot(&error));
            Ok(())
        }
    }
}
