//! Sockets and threads: packets in, answers out, of whatever `Answers` the threads share.
//!
//! ```text
//!   Python ──publish──► Engine ──WorkerControl──► worker thread ──► its UDP and TCP sockets
//!          ◄─event_fd──  (failures, samples, …)   │ one epoll, one Counters row, one Scratch
//! ```
//!
//! A worker is one thread with one loop: wait for what is ready; answer datagrams in batches
//! (`udp`), serve connections (`tcp`), carry out commands (`control`). It shares nothing that it
//! would have to lock, and takes no lock of Python's. Nothing in here knows DNS beyond the two
//! octets of length before a message on TCP; `Answers` does, which `answer::Snapshot` is.
//!
//! No worker has to do with `exchanges`: there Python's thread asks GPU servers for their pages of
//! metrics, and sees to their sockets by calls of its own, under a lock and without a thread.

pub mod block_samples;
pub mod control;
pub mod counters;
pub mod engine;
pub mod epoll;
pub mod exchanges;
pub mod kernel;
pub mod loop_watch;
pub mod samples;
pub mod send_error;
pub mod slots;
pub mod sys;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod udp;
pub mod udp_batch;
pub mod worker;

use crate::wire::prefix::Prefix;
use counters::Counters;
use samples::Sampler;
use slots::Transport;
use std::sync::Arc;

/// What packets are answered from: made once, shared by all workers, never changed.
pub trait Answers: Send + Sync + 'static {
    /// What one worker needs to answer without allocating.
    type Scratch: Default;

    /// Write the answer to `packet` into `out`; its length, or None where none may be sent.
    fn respond(
        &self,
        packet: &[u8],
        source: &Prefix,
        transport: Transport,
        counters: &Counters,
        scratch: &mut Self::Scratch,
        out: &mut [u8],
    ) -> Option<usize>;

    /// Hears which packets of a batch, and from whom, are to be answered next.
    fn prefetch<'p>(
        &self,
        _packets: impl Iterator<Item = (&'p [u8], Prefix)>,
        _scratch: &mut Self::Scratch,
    ) {
    }

    /// Answer a query of one's own.
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn self_check(&self, scratch: &mut Self::Scratch) -> Result<(), String>;

    /// The share of queries that are sampled for the query log, 0 to 1.
    fn query_log(&self) -> f64;
}

/// What a worker answers with: the `Answers` of the moment and all that is its own.
pub struct Responder<A: Answers> {
    answers: Arc<A>,
    scratch: A::Scratch,
    counters: Arc<Counters>,
    sampler: Sampler,
}

impl<A: Answers> Responder<A> {
    /// A responder that counts in `counters`.
    pub fn new(answers: Arc<A>, counters: Arc<Counters>, mut sampler: Sampler) -> Self {
        sampler.set_rate(answers.query_log());
        Self {
            answers,
            scratch: A::Scratch::default(),
            counters,
            sampler,
        }
    }

    /// Answer from `next` from now on; what was answered from before.
    pub fn adopt(&mut self, next: Arc<A>) -> Arc<A> {
        self.sampler.set_rate(next.query_log());
        std::mem::replace(&mut self.answers, next)
    }

    /// See [`Answers::prefetch`].
    #[inline]
    pub fn prefetch<'p>(&mut self, packets: impl Iterator<Item = (&'p [u8], Prefix)>) {
        self.answers.prefetch(packets, &mut self.scratch);
    }

    /// Answer one packet, counted and perhaps sampled.
    #[inline]
    pub fn respond(
        &mut self,
        packet: &[u8],
        source: &Prefix,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        let (counters, scratch) = (&self.counters, &mut self.scratch);
        let length = self
            .answers
            .respond(packet, source, transport, counters, scratch, out);
        if self.sampler.draws() {
            let answer = length.and_then(|length| out.get(..length));
            self.sampler.keep(packet, source, transport, answer);
        }
        length
    }

    /// Add one to a slot of the worker's row.
    pub fn count(&self, slot: usize) {
        self.counters.add(slot, 1);
    }

    /// See [`Answers::self_check`].
    ///
    /// # Errors
    /// As there.
    pub fn self_check(&mut self) -> Result<(), String> {
        self.answers.self_check(&mut self.scratch)
    }
}
