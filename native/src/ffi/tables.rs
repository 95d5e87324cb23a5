//! Tables, answers and counts; `resolverd/abi/tables.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use crate::answer::{Scratch, Snapshot, respond};
use crate::geo::ClientMap;
use crate::io::counters::Counters;
use crate::io::slots::Transport;
use crate::io::sys::{Handle, Handles, Numbers, OutBuf, Span, Spans};
use crate::tables::Plan;
use crate::wire::prefix::Prefix;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers packets for Python, one at a time: a row of counters, and scratch memory.
pub struct Asker {
    counters: Counters,
    scratch: Mutex<Scratch>,
}

/// The Plan that `image` holds, with its client maps; null with the reason where it is unsound.
///
/// `before` is null, or a Plan of whose image this one may have been made.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_plan_load(
    image: Span,
    maps: Handles<ClientMap>,
    before: Handle<Plan>,
    mut reason: OutBuf,
) -> Handle<Plan> {
    match Plan::load(image.octets(), maps.share(), before.get()) {
        Ok(plan) => Handle::give(Arc::new(plan)),
        Err(why) => {
            reason.write(why);
            Handle::null()
        }
    }
}

/// Release a Plan.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_plan_release(plan: Handle<Plan>) {
    plan.release();
}

/// `plan` with the Steering that `image` holds; null with the reason where it is unsound.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_snapshot_load(
    plan: Handle<Plan>,
    image: Span,
    mut reason: OutBuf,
) -> Handle<Snapshot> {
    let loaded = plan
        .share()
        .ok_or("there is no plan")
        .and_then(|plan| Snapshot::load(plan, image.octets()));
    match loaded {
        Ok(snapshot) => Handle::give(Arc::new(snapshot)),
        Err(why) => {
            reason.write(why);
            Handle::null()
        }
    }
}

/// Release a Snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_snapshot_release(snapshot: Handle<Snapshot>) {
    snapshot.release();
}

/// A new asker, with counters at zero.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_asker_new() -> Handle<Asker> {
    Handle::give(Arc::new(Asker {
        counters: Counters::new(),
        scratch: Mutex::new(Scratch::new()),
    }))
}

/// Release an asker.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_asker_release(asker: Handle<Asker>) {
    asker.release();
}

/// The response to `packet` from the address `source` (4 or 16 octets) in `out`; its length,
/// or -1 where none may be sent, or -2 where a handle or the address is none.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_respond(
    asker: Handle<Asker>,
    snapshot: Handle<Snapshot>,
    packet: Span,
    source: Span,
    tcp: bool,
    mut out: OutBuf,
) -> i64 {
    let (Some(asker), Some(snapshot), Some(source)) =
        (asker.get(), snapshot.get(), address(source.octets()))
    else {
        return -2;
    };
    let mut scratch = asker.scratch.lock().unwrap_or_else(PoisonError::into_inner);
    let length = respond(
        packet.octets(),
        &source,
        snapshot,
        &asker.counters,
        &mut scratch,
        if tcp { Transport::Tcp } else { Transport::Udp },
        out.octets(),
    );
    length.map_or(-1, |length| length as i64)
}

/// Answer all `packets`, for the caller to time; how many responses there were. So many make a
/// `batch`, which is prefetched for as one that a socket received is; of one packet nothing is.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_respond_all(
    asker: Handle<Asker>,
    snapshot: Handle<Snapshot>,
    packets: Spans,
    source: Span,
    batch: usize,
    mut out: OutBuf,
) -> usize {
    let (Some(asker), Some(snapshot), Some(source)) =
        (asker.get(), snapshot.get(), address(source.octets()))
    else {
        return 0;
    };
    let mut scratch = asker.scratch.lock().unwrap_or_else(PoisonError::into_inner);
    let (packets, out) = (packets.items(), out.octets());
    let mut responses = 0;
    for batch in packets.chunks(batch.max(1)) {
        if batch.len() > 1 {
            let came = batch.iter().map(|packet| (packet.octets(), source));
            snapshot.prefetch(came, &mut scratch);
        }
        for packet in batch {
            let length = respond(
                black_box(packet.octets()),
                &source,
                snapshot,
                &asker.counters,
                &mut scratch,
                Transport::Udp,
                out,
            );
            responses += usize::from(black_box(length).is_some());
        }
    }
    responses
}

/// Whether `snapshot` answers for the SOA of its first zone; if not, the reason is written and
/// its length given.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_self_check(snapshot: Handle<Snapshot>, mut reason: OutBuf) -> usize {
    let checked = snapshot
        .get()
        .ok_or("there is no snapshot")
        .and_then(|snapshot| snapshot.self_check(&mut Scratch::new()));
    checked.map_or_else(|why| reason.write(why), |()| 0)
}

/// Read an asker's counters from slot 0 on into `values`.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_asker_counters(asker: Handle<Asker>, mut values: Numbers) {
    if let Some(asker) = asker.get() {
        for (slot, value) in values.numbers().iter_mut().enumerate() {
            *value = asker.counters.get(slot);
        }
    }
}

/// Take an asker's samples of blocks, two numbers each, into `values`; how many were written.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_asker_blocks(asker: Handle<Asker>, mut values: Numbers) -> usize {
    asker
        .get()
        .map_or(0, |asker| asker.counters.blocks.take(values.numbers()))
}

fn address(octets: &[u8]) -> Option<Prefix> {
    match octets.len() {
        4 => octets.first_chunk().map(|octets| Prefix::host_v4(*octets)),
        _ => (octets.first_chunk().map(|octets| Prefix::host_v6(*octets)))
            .filter(|_| octets.len() == 16),
    }
}
