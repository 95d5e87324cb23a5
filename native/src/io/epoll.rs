//! Waiting for files, and waking whoever waits.

use crate::io::kernel::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, Event, PollFd, READABLE};
use crate::io::sys;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// A set of files, each with a token that says what it is.
pub struct Epoll {
    file: OwnedFd,
}

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// As epoll_create1(2).
    pub fn new() -> io::Result<Self> {
        let file = sys::new_epoll()?;
        Ok(Self { file })
    }

    /// Watch `file` for `wanted`.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn add(&self, file: BorrowedFd<'_>, wanted: u32, token: u64) -> io::Result<()> {
        self.control(EPOLL_CTL_ADD, file, wanted, token)
    }

    /// Watch `file`, which is in the set, for `wanted` instead.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn change(&self, file: BorrowedFd<'_>, wanted: u32, token: u64) -> io::Result<()> {
        self.control(EPOLL_CTL_MOD, file, wanted, token)
    }

    /// Watch `file`, which is in the set, no more.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn remove(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        self.control(EPOLL_CTL_DEL, file, 0, 0)
    }

    /// Fill `events` with what is ready, within `timeout` or without end; how many there are.
    ///
    /// # Errors
    /// As epoll_wait(2), but for EINTR.
    pub fn wait(&self, events: &mut [Event], timeout: Option<Duration>) -> io::Result<usize> {
        match sys::wait(self.file.as_fd(), events, milliseconds(timeout)) {
            Err(interrupted) if interrupted.kind() == io::ErrorKind::Interrupted => Ok(0),
            other => other,
        }
    }

    fn control(&self, verb: i32, file: BorrowedFd<'_>, ready: u32, token: u64) -> io::Result<()> {
        sys::epoll_control(self.file.as_fd(), verb, file, Event { ready, token })
    }
}

/// Wakes a thread that waits for it beside its sockets (eventfd(2)).
pub struct Waker {
    file: File,
}

impl Waker {
    /// One that nobody has woken.
    ///
    /// # Errors
    /// As eventfd(2).
    pub fn new() -> io::Result<Self> {
        let file = File::from(sys::new_eventfd()?);
        Ok(Self { file })
    }

    /// Wake whoever waits, now or later. Never blocks, and cannot fail but by overflow, when it is
    /// readable already.
    pub fn wake(&self) {
        let _is_set_already = (&self.file).write(&1_u64.to_ne_bytes());
    }

    /// Make it unreadable until the next wake; whether it was readable.
    pub fn clear(&self) -> bool {
        let mut value = [0; 8];
        (&self.file).read(&mut value).is_ok()
    }

    /// Wait until it is woken; false when it is not within `timeout`.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        wait_for(self.file.as_fd(), READABLE, timeout)
    }

    /// For the set of somebody who waits.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Wait until `file` is ready for `wanted`; false when it is not within `timeout`.
#[must_use]
pub fn wait_for(file: BorrowedFd<'_>, wanted: u32, timeout: Duration) -> bool {
    let mut one = [poll_fd(file, wanted)];
    matches!(sys::poll(&mut one, milliseconds(Some(timeout))), Ok(1))
}

/// Files of which one is waited for, together, for a short time each.
///
/// A file in an epoll set costs a call-back for every datagram that comes and goes, waited for
/// or not; these cost only while somebody waits.
pub struct Poll {
    files: Vec<PollFd>,
}

impl Poll {
    /// Watch these for reading. They must stay open, or another file may be watched instead.
    pub fn new<'a>(files: impl Iterator<Item = BorrowedFd<'a>>) -> Self {
        Self {
            files: files.map(|file| poll_fd(file, READABLE)).collect(),
        }
    }

    /// Wait until one is ready, within `timeout` or without end.
    ///
    /// # Errors
    /// As poll(2), but for EINTR.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match sys::poll(&mut self.files, milliseconds(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the file of this index was ready, or broken, after the last wait.
    #[must_use]
    pub fn is_ready(&self, index: usize) -> bool {
        self.files.get(index).is_some_and(|file| file.ready != 0)
    }
}

fn poll_fd(file: BorrowedFd<'_>, wanted: u32) -> PollFd {
    PollFd {
        descriptor: file.as_raw_fd(),
        wanted: wanted as i16,
        ready: 0,
    }
}

/// Rounded up, so that nobody wakes just before the time; -1 for no end.
fn milliseconds(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |timeout| {
        i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_is_readable_until_it_is_cleared() {
        let (waker, epoll) = (Waker::new().unwrap(), Epoll::new().unwrap());
        epoll.add(waker.as_fd(), READABLE, 7).unwrap();
        let mut events = [Event::default(); 4];
        let now = Some(Duration::ZERO);
        assert_eq!(epoll.wait(&mut events, now).unwrap(), 0);
        assert!(!waker.clear() && !waker.wait(Duration::ZERO));
        waker.wake();
        waker.wake();
        assert!(waker.wait(Duration::from_secs(20)));
        assert_eq!(epoll.wait(&mut events, None).unwrap(), 1);
        assert_eq!({ events[0].token }, 7);
        assert!(waker.clear());
        assert_eq!(epoll.wait(&mut events, now).unwrap(), 0);
    }

    #[test]
    fn a_wait_is_never_too_short() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), i32::MAX);
    }
}
