//! How a worker gets what it answers from, and orders, without a lock on its side.
//!
//! Each worker has one [`Slot`]. Whoever gives orders raises `asked` and rings; the worker
//! compares `asked` with what it has done, one relaxed load, between two batches.
//!
//! ```text
//!   publisher                    Slot                     worker
//!   put new ────────────────►  next  ───── take ────────► answers from it
//!   free old ◄──── collect ──  back  ◄──── put old ─────┘
//! ```
//!
//! Invariants: a worker never frees what it answered from, for that may take long; it does not
//! take `next` while `back` is full, so it never holds two; `done` reaches `asked` only after
//! the worker answers from what was `next` when it was asked. Orders are given by one thread at
//! a time (`Engine` has the lock for that).

use crate::serve::epoll::Bell;
use crate::sys::Handover;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};

/// What a worker is asked to do beside adopting what is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
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

impl Order {
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

/// Between one worker and whoever gives it orders.
pub struct Slot<A> {
    next: Handover<A>,
    back: Handover<A>,
    order: AtomicU64,
    asked: AtomicU64,
    done: AtomicU64,
    fault: Mutex<Option<String>>,
    bell: Bell,
}

impl<A> Slot<A> {
    /// A slot without orders, whose worker is woken by `bell`.
    #[must_use]
    pub fn new(bell: Bell) -> Self {
        Self {
            next: Handover::new(),
            back: Handover::new(),
            order: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            done: AtomicU64::new(0),
            fault: Mutex::new(None),
            bell,
        }
    }

    /// What wakes the worker.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Ask the worker to adopt `next`, if any, and then to follow `order`.
    pub fn ask(&self, next: Option<Arc<A>>, order: Order) {
        drop(self.back.swap(None));
        if next.is_some() {
            drop(self.next.swap(next)); // one that the worker never came to, if any
        }
        self.order.store(order.coded(), Relaxed);
        self.asked.fetch_add(1, Release);
        self.bell.ring();
    }

    /// Whether all that was asked is done. Frees what the worker has given back.
    pub fn is_done(&self) -> bool {
        let done = self.done.load(Acquire) == self.asked.load(Relaxed);
        if self.back.swap(None).is_some() && !done {
            self.bell.ring(); // the worker may have waited for the room
        }
        done
    }

    /// Whether the worker has begun what it was ordered last.
    pub fn is_begun(&self) -> bool {
        self.order.load(Relaxed) == Order::Adopt.coded()
    }

    /// What the worker found wrong in its last check.
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The worker's side: whether there are orders, of which `done` is the last one followed.
    #[inline]
    pub fn has_orders(&self, done: u64) -> bool {
        self.asked.load(Relaxed) != done
    }

    /// The worker's side: the number of the newest order, that order, and what to adopt first.
    /// It may come a number early, and then with the next one only to adopt.
    ///
    /// None while the publisher has not collected what was given back before; it rings then.
    pub fn orders(&self) -> Option<(u64, Order, Option<Arc<A>>)> {
        let asked = self.asked.load(Acquire);
        if !self.back.is_empty() {
            return None;
        }
        let order = Order::decoded(self.order.swap(Order::Adopt.coded(), Relaxed));
        Some((asked, order, self.next.swap(None)))
    }

    /// The worker's side: give back what it answered from until now.
    pub fn give_back(&self, old: Arc<A>) {
        // Nothing is in there, see `orders`; the publisher only takes.
        drop(self.back.swap(Some(old)));
    }

    /// The worker's side: the order of this number is followed, with or without a fault.
    pub fn report(&self, number: u64, fault: Option<String>) {
        if fault.is_some() {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        }
        self.done.store(number, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Weak;
    use std::thread;

    fn slot() -> Arc<Slot<u64>> {
        Arc::new(Slot::new(Bell::new().unwrap()))
    }

    #[test]
    fn what_is_replaced_goes_back_and_is_freed_by_the_publisher() {
        let slot = slot();
        let first = Arc::new(1);
        let gone: Weak<u64> = Arc::downgrade(&first);
        let mut serving = first;
        slot.ask(Some(Arc::new(2)), Order::Adopt);
        assert!(!slot.is_done() && slot.has_orders(0));
        let (number, order, next) = slot.orders().unwrap();
        assert_eq!(order, Order::Adopt);
        slot.give_back(std::mem::replace(&mut serving, next.unwrap()));
        assert!(gone.upgrade().is_some());
        slot.report(number, None);
        assert!(slot.is_done() && !slot.has_orders(number));
        assert!(gone.upgrade().is_none());
        assert_eq!(*serving, 2);
    }

    #[test]
    fn what_nobody_came_to_is_passed_over() {
        let slot = slot();
        let passed_over = Arc::new(1);
        let gone = Arc::downgrade(&passed_over);
        slot.ask(Some(passed_over), Order::Adopt);
        slot.ask(Some(Arc::new(2)), Order::Check);
        assert!(gone.upgrade().is_none());
        let (number, order, next) = slot.orders().unwrap();
        assert_eq!((order, next.as_deref()), (Order::Check, Some(&2)));
        slot.report(number, Some("wrong".into()));
        assert!(slot.is_done());
        assert_eq!(slot.fault().as_deref(), Some("wrong"));
        assert_eq!(slot.fault(), None);
    }

    #[test]
    fn a_worker_waits_until_its_old_tables_are_collected() {
        let slot = slot();
        slot.ask(Some(Arc::new(1)), Order::Adopt);
        slot.give_back(Arc::new(0));
        assert!(slot.orders().is_none());
        slot.bell().quiet();
        assert!(!slot.is_done());
        assert!(slot.bell().quiet(), "it is told that there is room");
        assert_eq!(slot.orders().unwrap().2.as_deref(), Some(&1));
    }

    #[test]
    fn every_order_arrives_as_it_was_given() {
        for order in [
            Order::Adopt,
            Order::Check,
            Order::Stop,
            Order::Panic,
            Order::Hang(u32::MAX),
        ] {
            assert_eq!(Order::decoded(order.coded()), order);
        }
    }

    #[test]
    fn a_worker_sees_only_newer_ones_and_holds_one_at_a_time() {
        const LAST: u64 = 2000;
        let slot = slot();
        let alive = Arc::new(());
        let theirs = Arc::clone(&slot);
        let worker = thread::spawn(move || {
            let (mut serving, mut done) = (Arc::new(0_u64), 0);
            while *serving < LAST {
                if !theirs.has_orders(done) {
                    let _ = theirs.bell().wait(std::time::Duration::from_secs(20));
                }
                theirs.bell().quiet();
                let Some((number, _, next)) = theirs.orders() else {
                    continue;
                };
                if let Some(next) = next {
                    assert!(*next > *serving);
                    theirs.give_back(std::mem::replace(&mut serving, next));
                }
                done = number;
                theirs.report(number, None);
            }
        });
        for value in 1..=LAST {
            let _also = Arc::clone(&alive);
            slot.ask(Some(Arc::new(value)), Order::Adopt);
            if value % 3 == 0 {
                while !slot.is_done() {
                    thread::yield_now();
                }
            }
        }
        while !slot.is_done() {
            thread::yield_now();
        }
        worker.join().unwrap();
    }
}
