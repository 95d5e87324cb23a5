//! The engine's threads; `resolverd/abi/engine.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use super::contract::{SAMPLE_OCTETS, SHARED, SOCKET_OCTETS, TCP, UDP_PKTINFO};
use crate::answer::Snapshot;
use crate::io::control::Command;
use crate::io::engine::Engine;
use crate::io::samples::Sample;
use crate::io::slots::Transport;
use crate::io::sys::{self, Handle, Numbers, OutBuf, Span};
use crate::io::tcp::Limits;
use crate::io::worker::{BoundUdp, WorkerSockets};
use crate::wire::prefix::Family;
use std::sync::Arc;
use std::time::Duration;

/// An engine that answers DNS.
pub type Serving = Engine<Snapshot>;

/// Start an engine that answers from `snapshot`; null with the reason where it cannot.
///
/// `sockets` lists worker, kind and descriptor of each, as numbers in host order; workers count
/// from 0, and each has at least one. The descriptors do not block, and are the engine's from
/// now on, whatever comes of it. Times are in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_start(
    sockets: Span,
    idle: u64,
    lifetime: u64,
    connections: usize,
    per_client: usize,
    snapshot: Handle<Snapshot>,
    mut reason: OutBuf,
) -> Handle<Serving> {
    let limits = Limits {
        idle: Duration::from_millis(idle),
        lifetime: Duration::from_millis(lifetime),
        connections,
        per_client,
    };
    let sockets = worker_sockets(sockets.octets());
    let Some(first) = snapshot.share() else {
        reason.write("there is no snapshot");
        return Handle::null();
    };
    match Engine::start(sockets, limits, &first) {
        Ok(engine) => Handle::give(Arc::new(engine)),
        Err(error) => {
            reason.write(&error.to_string());
            Handle::null()
        }
    }
}

/// Release an engine; its workers end by themselves, where `stop` has not ended them.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_release(engine: Handle<Serving>) {
    engine.release();
}

/// Answer from `snapshot`: 0 once every worker does, else the length of the reason. `timeout`
/// in milliseconds, here and below.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_publish(
    engine: Handle<Serving>,
    snapshot: Handle<Snapshot>,
    timeout: u64,
    reason: OutBuf,
) -> usize {
    let (Some(engine), Some(snapshot)) = (engine.get(), snapshot.share()) else {
        return report(Err("there is no such engine or snapshot".into()), reason);
    };
    report(
        engine.publish(&snapshot, Duration::from_millis(timeout)),
        reason,
    )
}

/// Have every worker answer itself: 0 when all do, else the length of the reason.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_check(
    engine: Handle<Serving>,
    timeout: u64,
    reason: OutBuf,
) -> usize {
    let checked = engine.get().map_or_else(
        || Err("there is no such engine".into()),
        |engine| engine.check(Duration::from_millis(timeout)),
    );
    report(checked, reason)
}

/// Stop: 0 when every worker has ended, else the length of the reason.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_stop(
    engine: Handle<Serving>,
    timeout: u64,
    reason: OutBuf,
) -> usize {
    let stopped = engine.get().map_or_else(
        || Err("there is no such engine".into()),
        |engine| engine.stop(Duration::from_millis(timeout)),
    );
    report(stopped, reason)
}

/// A descriptor that is readable when there are failures or samples, or a worker asks whether it is
/// looked at; -1 for no engine. It is the engine's.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_event_fd(engine: Handle<Serving>) -> i32 {
    engine.get().map_or(-1, Engine::event_fd)
}

/// Make that descriptor unreadable, until there is more.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_clear_events(engine: Handle<Serving>) {
    if let Some(engine) = engine.get() {
        engine.clear_events();
    }
}

/// Which worker has ended by itself, and why; the length of that, 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_failure(engine: Handle<Serving>, mut out: OutBuf) -> usize {
    let failure = engine.get().and_then(Engine::take_failure);
    failure.map_or(0, |text| out.write(&text))
}

/// The oldest sample of the query log; its length, 0 for none.
///
/// Octet 0 is 1 for TCP; 1 is the octets of the source address; 2 the lower four bits of the
/// RCODE; 3 is 1 where an answer was sent; 4 to 7 its length, in host order; 8 to 23 the source
/// address; from 24 on the query, as much of it as fits.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_sample(engine: Handle<Serving>, mut out: OutBuf) -> usize {
    let Some(sample) = engine.get().and_then(|engine| engine.samples().take()) else {
        return 0;
    };
    let head = head_of(&sample);
    let mut written = 0;
    let octets = head.iter().chain(&sample.packet);
    for (to, from) in out.octets().iter_mut().zip(octets) {
        *to = *from;
        written += 1;
    }
    written
}

/// How many samples were dropped, the queue being full, since this was asked.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_samples_dropped(engine: Handle<Serving>) -> u64 {
    engine
        .get()
        .map_or(0, |engine| engine.samples().take_dropped())
}

/// The counters from slot 0 on, summed over the workers, into `values`.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_counters(engine: Handle<Serving>, mut values: Numbers) {
    let Some(engine) = engine.get() else {
        return;
    };
    let rows = (0..).map_while(|worker| engine.counters(worker));
    for row in rows {
        for (slot, value) in values.numbers().iter_mut().enumerate() {
            *value = value.wrapping_add(row.get(slot));
        }
    }
}

/// Take samples of blocks, those of one worker after those of another; how many numbers were
/// written.
///
/// The first number of `values` is how many samples were ever dropped; then come two numbers for
/// each sample: the first counter of a region, shifted by 32 bits, with the binary logarithm of how
/// many queries it stands for; and the block's 64 bits. Where `values` is full there may be more.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_blocks(engine: Handle<Serving>, mut values: Numbers) -> usize {
    let (Some(engine), Some((dropped, out))) = (engine.get(), values.numbers().split_first_mut())
    else {
        return 0;
    };
    let (mut written, mut total) = (0, 0_u64);
    for row in (0..).map_while(|worker| engine.counters(worker)) {
        written += row.blocks.take(out.get_mut(written..).unwrap_or_default());
        total = total.wrapping_add(row.blocks.dropped());
    }
    *dropped = total;
    written + 1
}

/// For tests: have a worker panic (`milliseconds` 0), or do nothing for so long.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_engine_inject_fault(
    engine: Handle<Serving>,
    worker: usize,
    milliseconds: u32,
) {
    if let Some(engine) = engine.get() {
        let command = match milliseconds {
            0 => Command::Panic,
            _ => Command::Hang(milliseconds),
        };
        engine.inject_fault(worker, command);
    }
}

fn report(outcome: Result<(), String>, mut reason: OutBuf) -> usize {
    outcome.map_or_else(|why| reason.write(&why), |()| 0)
}

fn worker_sockets(list: &[u8]) -> Vec<WorkerSockets> {
    let mut workers: Vec<WorkerSockets> = Vec::new();
    let (numbers, _) = list.as_chunks::<SOCKET_OCTETS>();
    for [w0, w1, w2, w3, k0, k1, k2, k3, d0, d1, d2, d3] in numbers {
        let worker = u32::from_ne_bytes([*w0, *w1, *w2, *w3]) as usize;
        let kind = u32::from_ne_bytes([*k0, *k1, *k2, *k3]);
        let socket = sys::own_fd(i32::from_ne_bytes([*d0, *d1, *d2, *d3]));
        while workers.len() <= worker {
            workers.push(WorkerSockets::default());
        }
        let Some(sockets) = workers.get_mut(worker) else {
            continue;
        };
        match kind & !SHARED {
            TCP => sockets.tcp.push(socket),
            one => sockets.udp.push(BoundUdp {
                socket,
                pktinfo: one == UDP_PKTINFO,
                shared: kind & SHARED != 0,
            }),
        }
    }
    workers
}

fn head_of(sample: &Sample) -> [u8; SAMPLE_OCTETS] {
    let mut head = [0; SAMPLE_OCTETS];
    let source = sample.source.address.to_be_bytes();
    let (rcode, length) = sample.answer.unwrap_or_default();
    let fields = [
        u8::from(sample.transport == Transport::Tcp),
        if sample.source.family == Family::V4 {
            4
        } else {
            16
        },
        rcode,
        u8::from(sample.answer.is_some()),
    ];
    let octets = fields
        .into_iter()
        .chain((length as u32).to_ne_bytes())
        .chain(source);
    for (to, from) in head.iter_mut().zip(octets) {
        *to = from;
    }
    head
}
