//! All workers together: started, commanded, watched, stopped.
//!
//! Commands are sent by one caller at a time and wait, with a limit, until every worker has
//! carried them out; packets never wait for either. A worker that ends by itself is noted with its
//! reason and wakes whoever waits for `event_fd` at once, as samples of the query log do, and
//! workers that ask whether the event loop keeps up (`loop_watch`).

use crate::io::control::{Command, WorkerControl};
use crate::io::counters::Counters;
use crate::io::epoll::Waker;
use crate::io::loop_watch::LoopWatch;
use crate::io::samples::{Sampler, Samples};
use crate::io::tcp::Limits;
use crate::io::worker::{Worker, WorkerSockets};
use crate::io::{Answers, Responder};
use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::os::fd::RawFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a caller checks whether its command was carried out: longer delays every publication,
/// shorter takes CPU from the workers.
const POLL_INTERVAL: Duration = Duration::from_micros(100);

/// What caller and worker have in common beside the control.
struct Lifecycle {
    ended: AtomicBool,
    events: Arc<Waker>,
    failures: Arc<Mutex<Vec<String>>>,
}

struct WorkerHandle<A> {
    name: String,
    control: Arc<WorkerControl<A>>,
    counters: Arc<Counters>,
    lifecycle: Arc<Lifecycle>,
}

/// Workers that serve.
pub struct Engine<A: Answers> {
    workers: Vec<WorkerHandle<A>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    commanding: Mutex<()>,
    events: Arc<Waker>,
    watch: Arc<LoopWatch>,
    samples: Arc<Samples>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl<A: Answers> Engine<A> {
    /// Start one worker for each of `sockets`; they answer from `first`.
    ///
    /// # Errors
    /// When threads or their files cannot be made; then none is left.
    pub fn start(sockets: Vec<WorkerSockets>, limits: Limits, first: &Arc<A>) -> io::Result<Self> {
        keep_reasons();
        let events = Arc::new(Waker::new()?);
        let mut engine = Self {
            workers: Vec::new(),
            threads: Mutex::new(Vec::new()),
            commanding: Mutex::new(()),
            watch: Arc::new(LoopWatch::new(Arc::clone(&events))),
            samples: Arc::new(Samples::new(Arc::clone(&events))),
            failures: Arc::new(Mutex::new(Vec::new())),
            events,
        };
        for (number, sockets) in sockets.into_iter().enumerate() {
            engine.spawn(number, sockets, limits, Arc::clone(first))?;
        }
        Ok(engine)
    }

    /// Answer from `next` from now on; returns when every worker does.
    ///
    /// # Errors
    /// Which worker does not within `timeout`; it will, if it ever can.
    pub fn publish(&self, next: &Arc<A>, timeout: Duration) -> Result<(), String> {
        self.run_command(Some(next), Command::Adopt, timeout)
    }

    /// Have every worker answer a query of its own.
    ///
    /// # Errors
    /// Which worker cannot, or does not within `timeout`.
    pub fn check(&self, timeout: Duration) -> Result<(), String> {
        self.run_command(None, Command::Check, timeout)
    }

    /// Stop: what was read is answered, then the sockets are closed.
    ///
    /// # Errors
    /// Which worker has not ended within `timeout`.
    pub fn stop(&self, timeout: Duration) -> Result<(), String> {
        let _commanding = locked(&self.commanding);
        let until = Instant::now() + timeout;
        for worker in &self.workers {
            worker.control.ask(None, Command::Stop);
        }
        let late = self.wait(until, |worker| worker.lifecycle.ended.load(Acquire));
        if late.is_ok() {
            for thread in locked(&self.threads).drain(..) {
                let _in_failures = thread.join();
            }
        }
        late
    }

    /// Send one worker a command that only tests send; returns when it is begun.
    pub fn inject_fault(&self, worker: usize, command: Command) {
        let _commanding = locked(&self.commanding);
        let until = Instant::now() + POLL_INTERVAL * 10_000;
        if let Some(worker) = self.workers.get(worker) {
            worker.control.ask(None, command);
            while !worker.control.is_begun() && Instant::now() < until {
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    /// Readable when there are failures or samples, or a worker asks whether this is looked at.
    pub fn event_fd(&self) -> RawFd {
        self.events.descriptor()
    }

    /// What wakes whoever watches `event_fd`.
    #[cfg(test)]
    pub fn events(&self) -> &Waker {
        &self.events
    }

    /// Make `event_fd` unreadable until there is more; to be called before failures and samples are
    /// taken, or those that come meanwhile are missed. Workers that wait for it rest now and then.
    pub fn clear_events(&self) {
        self.events.clear();
        self.watch.answer();
    }

    /// Which worker has ended by itself, and why.
    pub fn take_failure(&self) -> Option<String> {
        locked(&self.failures).pop()
    }

    /// The query log's samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The row of one worker.
    pub fn counters(&self, worker: usize) -> Option<&Arc<Counters>> {
        self.workers.get(worker).map(|worker| &worker.counters)
    }

    fn spawn(
        &mut self,
        number: usize,
        sockets: WorkerSockets,
        limits: Limits,
        first: Arc<A>,
    ) -> io::Result<()> {
        let worker = WorkerHandle {
            name: format!("serve-{number}"),
            control: Arc::new(WorkerControl::new(Waker::new()?)),
            counters: Arc::new(Counters::new()),
            lifecycle: Arc::new(Lifecycle {
                ended: AtomicBool::new(false),
                events: Arc::clone(&self.events),
                failures: Arc::clone(&self.failures),
            }),
        };
        let sampler = Sampler::new(Arc::clone(&self.samples), number as u64);
        let (control, lifecycle) = (Arc::clone(&worker.control), Arc::clone(&worker.lifecycle));
        let (counters, name) = (Arc::clone(&worker.counters), worker.name.clone());
        let watch = Arc::clone(&self.watch);
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            let work = AssertUnwindSafe(move || {
                let responder = Responder::new(first, counters, sampler);
                Worker::new(control, responder, sockets, limits, watch)?.run()
            });
            let reason = match panic::catch_unwind(work) {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(panicked) => Some(reason_of(panicked.as_ref())),
            };
            lifecycle.end(reason.map(|reason| format!("worker thread {name} ended: {reason}")));
        })?;
        locked(&self.threads).push(thread);
        self.workers.push(worker);
        Ok(())
    }

    fn run_command(
        &self,
        next: Option<&Arc<A>>,
        command: Command,
        timeout: Duration,
    ) -> Result<(), String> {
        let _commanding = locked(&self.commanding);
        let until = Instant::now() + timeout;
        for worker in &self.workers {
            worker.control.ask(next.map(Arc::clone), command);
        }
        self.wait(until, |worker| worker.control.is_done())?;
        let errors: Vec<_> = self
            .workers
            .iter()
            .filter_map(WorkerHandle::check_error)
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        Err(errors.join("; "))
    }

    /// Wait until `done` says so of every worker. Errs with those who are late or gone.
    fn wait(&self, until: Instant, done: impl Fn(&WorkerHandle<A>) -> bool) -> Result<(), String> {
        loop {
            let late: Vec<_> = self.workers.iter().filter(|worker| !done(worker)).collect();
            if late.is_empty() {
                return Ok(());
            }
            let gone = late
                .iter()
                .any(|worker| worker.lifecycle.ended.load(Acquire) && !done(worker));
            if gone || Instant::now() >= until {
                let names: Vec<_> = late.iter().map(|worker| worker.name.as_str()).collect();
                let what = if gone {
                    "has ended"
                } else {
                    "does not follow in time"
                };
                return Err(format!("worker thread {} {what}", names.join(", ")));
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl<A: Answers> Drop for Engine<A> {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.control.ask(None, Command::Stop);
        }
    }
}

impl<A> WorkerHandle<A> {
    fn check_error(&self) -> Option<String> {
        let check_error = self.control.check_error()?;
        Some(format!("worker thread {}: {check_error}", self.name))
    }
}

impl Lifecycle {
    /// Note the end, and report it where there is a reason.
    fn end(&self, reason: Option<String>) {
        if let Some(reason) = reason {
            locked(&self.failures).push(reason);
        }
        self.ended.store(true, Release);
        self.events.wake();
    }
}

/// A mutex whose last holder panicked still holds whole values: each is set by one statement.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// What the panic hook saw of this thread's panic: where, and its message.
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keep what workers panic of for `reason_of`, instead of printing it beside the log.
fn keep_reasons() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let worker = thread::current()
                .name()
                .is_some_and(|name| name.starts_with("serve-"));
            if worker {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                let reason = payload_text(info.payload());
                SEEN.with_borrow_mut(|seen| *seen = Some(format!("panic at {place}: {reason}")));
            } else {
                before(info);
            }
        }));
    });
}

fn reason_of(panicked: &(dyn Any + Send)) -> String {
    SEEN.take()
        .unwrap_or_else(|| format!("panic: {}", payload_text(panicked)))
}

/// What a panic says.
#[must_use]
pub fn payload_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    text.or(owned).unwrap_or("no reason given")
}
