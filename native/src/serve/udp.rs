//! Datagrams of one socket: received in batches, answered, sent in batches.
//!
//! While a batch comes full there is more, so the worker stays with the socket, for a bounded
//! number of rounds; a batch that is not full sends it back to wait. What was received is
//! answered before anything else is done, so nothing read is lost when a worker stops.

use crate::counters::Transport;
use crate::kernel::{EBADF, EFAULT, ENOTSOCK, WRITABLE};
use crate::serve::epoll::wait_for;
use crate::serve::mail::{BATCH, Mail};
use crate::serve::{Answers, Desk, tally};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Full batches before the worker looks at its other files.
const ROUNDS: usize = 16;
/// How long one batch may wait for room to send; then its answers are given up.
const PATIENCE: Duration = Duration::from_millis(10);

/// One socket and its batch.
pub struct Udp {
    socket: OwnedFd,
    mail: Mail,
}

impl Udp {
    /// `told` where the socket says to which address each datagram was sent.
    #[must_use]
    pub fn new(socket: OwnedFd, told: bool) -> Self {
        let mail = Mail::new(told);
        Self { socket, mail }
    }

    /// Answer what waits, until there is no more or `interrupted` says that something else is due.
    ///
    /// # Errors
    /// When the socket is none any more.
    pub fn serve<A: Answers>(
        &mut self,
        desk: &mut Desk<A>,
        interrupted: impl Fn() -> bool,
    ) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let came = match self.mail.receive(self.socket.as_fd()) {
                Ok(came) => came,
                Err(nothing) if nothing.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(wrong) => return survive(wrong, desk),
            };
            if came > 1 {
                desk.prefetch(self.mail.letters(came));
            }
            for index in 0..came {
                let Some(letter) = self.mail.open(index) else {
                    continue;
                };
                let (packet, source) = (letter.packet, &letter.source);
                let length = desk.respond(packet, source, Transport::Udp, letter.room);
                if let Some(length) = length {
                    self.mail.answer(index, length);
                }
            }
            self.send(desk)?;
            if came < BATCH || interrupted() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn send<A: Answers>(&mut self, desk: &mut Desk<A>) -> io::Result<()> {
        let mut patient = true;
        while self.mail.unsent() > 0 {
            let Err(wrong) = self.mail.send(self.socket.as_fd()) else {
                continue;
            };
            match wrong.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock if patient => {
                    patient = wait_for(self.socket.as_fd(), WRITABLE, PATIENCE);
                }
                _ => {
                    self.mail.skip();
                    survive(wrong, desk)?;
                }
            }
        }
        Ok(())
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Count an error that concerns a peer or a route; give back one that concerns the socket.
fn survive<A: Answers>(wrong: io::Error, desk: &Desk<A>) -> io::Result<()> {
    match wrong.raw_os_error() {
        Some(EBADF | ENOTSOCK | EFAULT) => Err(wrong),
        _ if wrong.kind() == ErrorKind::Interrupted => Ok(()),
        _ => {
            desk.count(tally::send_error(&wrong));
            Ok(())
        }
    }
}
