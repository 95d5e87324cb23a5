//! How a worker gets what it answers from, and commands, without a lock on its side.
//!
//! Each worker has one [`WorkerControl`]. Whoever sends a command raises `asked` and wakes it; it
//! compares `asked` with what it has done, one relaxed load, between two batches.
//!
//! ```text
//!   publisher              WorkerControl                worker
//!   put new ────────────────►  next  ───── take ────────► answers from it
//!   free old ◄──── collect ─ retired ◄──── put old ─────┘
//! ```
//!
//! Invariants: a worker never frees what it answered from, for that may take long; it does not
//! take `next` while `retired` is full, so it never holds two; `done` reaches `asked` only after
//! the worker answers from what was `next` when it was asked. Commands are sent by one thread at
//! a time (`Engine` has the lock for that).

use crate::io::epoll::Waker;
use crate::io::sys::AtomicArc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};

/// What a worker is asked to do beside adopting what is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Nothing more.
    Adopt,
    /// Answer a query of its own.
    Check,
    /// Finish what was read, and end.
    Stop,
    /// Die of a panic; for tests.
    Panic,
    /// Do nothing for a while, in milliseconds; for tests.
    Hang(u32),
}

impl Command {
    fn coded(self) -> u64 {
        match self {
            Self::Adopt => 0,
            Self::Check => 1,
            Self::Stop => 2,
            Self::Panic => 3,
            Self::Hang(milliseconds) => 4 | u64::from(milliseconds) << 8,
        }
    }

    fn decoded(code: u64) -> Self {
        match code & 0xFF {
            1 => Self::Check,
            2 => Self::Stop,
            3 => Self::Panic,
            4 => Self::Hang((code >> 8) as u32),
            _ => Self::Adopt,
        }
    }
}

/// Between one worker and whoever commands it.
pub struct WorkerControl<A> {
    next: AtomicArc<A>,
    retired: AtomicArc<A>,
    command: AtomicU64,
    asked: AtomicU64,
    done: AtomicU64,
    check_error: Mutex<Option<String>>,
    waker: Waker,
}

impl<A> WorkerControl<A> {
    /// One without commands, whose worker is woken by `waker`.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self {
            next: AtomicArc::new(),
            retired: AtomicArc::new(),
            command: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            done: AtomicU64::new(0),
            check_error: Mutex::new(None),
            waker,
        }
    }

    /// What wakes the worker.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Ask the worker to adopt `next`, if any, and then to carry out `command`.
    pub fn ask(&self, next: Option<Arc<A>>, command: Command) {
        drop(self.retired.swap(None));
        if next.is_some() {
            drop(self.next.swap(next)); // one that the worker never came to, if any
        }
        self.command.store(command.coded(), Relaxed);
        self.asked.fetch_add(1, Release);
        self.waker.wake();
    }

    /// Whether all that was asked is done. Frees what the worker has retired.
    pub fn is_done(&self) -> bool {
        let done = self.done.load(Acquire) == self.asked.load(Relaxed);
        if self.retired.swap(None).is_some() && !done {
            self.waker.wake(); // the worker may have waited for `retired` to be empty
        }
        done
    }

    /// Whether the worker has begun what it was sent last.
    pub fn is_begun(&self) -> bool {
        self.command.load(Relaxed) == Command::Adopt.coded()
    }

    /// What was wrong in the last check of the worker; None once asked.
    pub fn check_error(&self) -> Option<String> {
        self.check_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The worker's side: whether there is a command newer than number `done`.
    #[inline]
    pub fn has_command(&self, done: u64) -> bool {
        self.asked.load(Relaxed) != done
    }

    /// The worker's side: the number of the newest command, that command, and what to adopt first.
    /// It may come a number early, and then with the next one only to adopt.
    ///
    /// None while the publisher has not collected what was retired before; it wakes the worker
    /// once it has.
    pub fn take_command(&self) -> Option<(u64, Command, Option<Arc<A>>)> {
        let asked = self.asked.load(Acquire);
        if !self.retired.is_empty() {
            return None;
        }
        let command = Command::decoded(self.command.swap(Command::Adopt.coded(), Relaxed));
        Some((asked, command, self.next.swap(None)))
    }

    /// The worker's side: retire what it answered from until now.
    pub fn retire(&self, old: Arc<A>) {
        // Nothing is in there, see `take_command`; the publisher only takes.
        drop(self.retired.swap(Some(old)));
    }

    /// The worker's side: the command of this number is carried out; what its check found wrong.
    pub fn report(&self, number: u64, check_error: Option<String>) {
        if check_error.is_some() {
            *self
                .check_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = check_error;
        }
        self.done.store(number, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Weak;
    use std::thread;

    fn control() -> Arc<WorkerControl<u64>> {
        Arc::new(WorkerControl::new(Waker::new().unwrap()))
    }

    #[test]
    fn what_is_replaced_goes_back_and_is_freed_by_the_publisher() {
        let control = control();
        let first = Arc::new(1);
        let gone: Weak<u64> = Arc::downgrade(&first);
        let mut serving = first;
        control.ask(Some(Arc::new(2)), Command::Adopt);
        assert!(!control.is_done() && control.has_command(0));
        let (number, command, next) = control.take_command().unwrap();
        assert_eq!(command, Command::Adopt);
        control.retire(std::mem::replace(&mut serving, next.unwrap()));
        assert!(gone.upgrade().is_some());
        control.report(number, None);
        assert!(control.is_done() && !control.has_command(number));
        assert!(gone.upgrade().is_none());
        assert_eq!(*serving, 2);
    }

    #[test]
    fn what_nobody_came_to_is_passed_over() {
        let control = control();
        let passed_over = Arc::new(1);
        let gone = Arc::downgrade(&passed_over);
        control.ask(Some(passed_over), Command::Adopt);
        control.ask(Some(Arc::new(2)), Command::Check);
        assert!(gone.upgrade().is_none());
        let (number, command, next) = control.take_command().unwrap();
        assert_eq!((command, next.as_deref()), (Command::Check, Some(&2)));
        control.report(number, Some("wrong".into()));
        assert!(control.is_done());
        assert_eq!(control.check_error().as_deref(), Some("wrong"));
        assert_eq!(control.check_error(), None);
    }

    #[test]
    fn a_worker_waits_until_its_old_tables_are_collected() {
        let control = control();
        control.ask(Some(Arc::new(1)), Command::Adopt);
        control.retire(Arc::new(0));
        assert!(control.take_command().is_none());
        control.waker().clear();
        assert!(!control.is_done());
        assert!(
            control.waker().clear(),
            "it is woken once `retired` is empty"
        );
        assert_eq!(control.take_command().unwrap().2.as_deref(), Some(&1));
    }

    #[test]
    fn every_order_arrives_as_it_was_given() {
        for command in [
            Command::Adopt,
            Command::Check,
            Command::Stop,
            Command::Panic,
            Command::Hang(u32::MAX),
        ] {
            assert_eq!(Command::decoded(command.coded()), command);
        }
    }

    #[test]
    fn a_worker_sees_only_newer_ones_and_holds_one_at_a_time() {
        const LAST: u64 = 2000;
        let control = control();
        let alive = Arc::new(());
        let theirs = Arc::clone(&control);
        let worker = thread::spawn(move || {
            let (mut serving, mut done) = (Arc::new(0_u64), 0);
            while *serving < LAST {
                if !theirs.has_command(done) {
                    let _ = theirs.waker().wait(std::time::Duration::from_secs(20));
                }
                theirs.waker().clear();
                let Some((number, _, next)) = theirs.take_command() else {
                    continue;
                };
                if let Some(next) = next {
                    assert!(*next > *serving);
                    theirs.retire(std::mem::replace(&mut serving, next));
                }
                done = number;
                theirs.report(number, None);
            }
        });
        for value in 1..=LAST {
            let _also = Arc::clone(&alive);
            control.ask(Some(Arc::new(value)), Command::Adopt);
            if value % 3 == 0 {
                while !control.is_done() {
                    thread::yield_now();
                }
            }
        }
        while !control.is_done() {
            thread::yield_now();
        }
        worker.join().unwrap();
    }
}
