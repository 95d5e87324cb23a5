//! Whether Python's event loop keeps up, and how workers give way to it where it does not.
//!
//! Workers go before Python's threads, so a worker with more queries than it can answer would leave
//! them hardly any of a core that they share, and with that probes and verdicts late. So a worker
//! with work asks the loop now and then whether it still turns; while a question stays unanswered
//! for [`LATE`], workers rest for a part of their time.
//!
//! ```text
//!   worker  asked: 0 ──► now, wake ──►  loop  asked: now ──► 0
//!           asked older than LATE: rest after each STRIDE answers
//! ```
//!
//! It is asked of the loop, and not of the kernel, for the loop is late as well where a thread of
//! Python's that is kept waiting has the interpreter's lock. Nobody is asked where nothing is served.

use crate::io::epoll::Waker;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// Packets between two looks at the clock: fewer cost time, more make a rest longer.
const STRIDE: usize = 256;
/// How often the loop is asked at most: more often costs CPU, less often notices it late.
const INTERVAL: Duration = Duration::from_millis(50);
/// For how long a question may stay unanswered: less takes ordinary work for need, more delays
/// verdicts by as much where a core is scarce.
const LATE: Duration = Duration::from_millis(50);
/// A rest for each packet since the last: a quarter of what an answer takes. More costs answers,
/// less leaves Python less than a fifth of the core.
const REST: Duration = Duration::from_micros(1);

/// One question at a time, of all workers to the loop.
pub struct LoopWatch {
    began: Instant,
    /// Since when a question is unanswered, in nanoseconds since `began`; 0 for none.
    asked: AtomicU64,
    last: AtomicU64,
    events: Arc<Waker>,
}

impl LoopWatch {
    /// A watch that wakes the loop by `events`, and has not asked it yet.
    #[must_use]
    pub fn new(events: Arc<Waker>) -> Self {
        Self {
            began: Instant::now(),
            asked: AtomicU64::new(0),
            last: AtomicU64::new(0),
            events,
        }
    }

    /// The loop's side: it has turned.
    pub fn answer(&self) {
        self.asked.store(0, Relaxed);
    }

    /// Whether the loop is late at `now`, the time since `began`. Asks it, where that is due.
    fn is_late(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).max(1);
        let asked = self.asked.load(Relaxed);
        if asked != 0 {
            return u128::from(now.saturating_sub(asked)) > LATE.as_nanos();
        }
        let since = u128::from(now.saturating_sub(self.last.load(Relaxed)));
        let due = since >= INTERVAL.as_nanos();
        if due
            && self
                .asked
                .compare_exchange(0, now, Relaxed, Relaxed)
                .is_ok()
        {
            self.last.store(now, Relaxed);
            self.events.wake();
        }
        false
    }
}

/// One worker's side.
pub struct GivingWay {
    watch: Arc<LoopWatch>,
    packets: usize,
}

impl GivingWay {
    /// One that has answered nothing yet.
    #[must_use]
    pub fn new(watch: Arc<LoopWatch>) -> Self {
        Self { watch, packets: 0 }
    }

    /// So many packets were served: rest, where the loop is late.
    #[inline]
    pub fn served(&mut self, packets: usize) {
        self.packets += packets;
        if self.packets >= STRIDE {
            let packets = std::mem::take(&mut self.packets);
            if let Some(rest) = self.rest(packets, self.watch.began.elapsed()) {
                thread::sleep(rest);
            }
        }
    }

    fn rest(&self, packets: usize, now: Duration) -> Option<Duration> {
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        self.watch.is_late(now).then(|| REST * packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn watched() -> (Arc<Waker>, Arc<LoopWatch>, GivingWay) {
        let events = Arc::new(Waker::new().unwrap());
        let watch = Arc::new(LoopWatch::new(Arc::clone(&events)));
        let worker = GivingWay::new(Arc::clone(&watch));
        (events, watch, worker)
    }

    #[test]
    fn a_worker_rests_while_the_loop_does_not_answer() {
        let (events, watch, worker) = watched();
        assert_eq!(worker.rest(STRIDE, INTERVAL), None);
        assert!(events.clear(), "the loop is asked");
        assert_eq!(worker.rest(STRIDE, INTERVAL + LATE), None);
        let rest = worker.rest(STRIDE, INTERVAL + LATE + MILLISECOND);
        assert_eq!(rest, Some(Duration::from_micros(256)));
        assert!(!events.clear(), "it is asked once");
        watch.answer();
        assert_eq!(worker.rest(STRIDE, INTERVAL + LATE + MILLISECOND), None);
    }

    #[test]
    fn a_loop_that_answers_is_asked_no_more_often_than_agreed() {
        let (events, watch, worker) = watched();
        let asked = (1..=1000).filter(|now| {
            assert_eq!(worker.rest(STRIDE, MILLISECOND * *now), None);
            let asked = events.clear();
            watch.answer();
            asked
        });
        assert_eq!(asked.count(), 20);
    }

    #[test]
    fn a_loop_that_a_worker_has_nothing_for_is_not_asked() {
        let (events, _watch, mut worker) = watched();
        worker.served(STRIDE - 1);
        assert!(!events.clear());
    }

    #[test]
    fn all_workers_ask_one_question() {
        let (events, watch, one) = watched();
        let other = GivingWay::new(Arc::clone(&watch));
        assert_eq!(one.rest(STRIDE, INTERVAL), None);
        assert!(events.clear());
        let late = INTERVAL + LATE + MILLISECOND;
        assert!(other.rest(STRIDE, late).is_some());
        assert!(!events.clear());
    }
}
