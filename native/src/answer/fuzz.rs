//! For fuzzers: one pure function over a small Snapshot that is part of the library.
//!
//! `tests/differential/fuzz_image.py` makes its images: the zones of the differential test,
//! and services of four regions each.

use super::{Scratch, Snapshot, respond};
use crate::geo::ClientMap;
use crate::io::counters::Counters;
use crate::io::slots::Transport;
use crate::tables::Plan;
use crate::wire::prefix::Prefix;
use std::cell::RefCell;
use std::iter;
use std::sync::{Arc, LazyLock};

const PLAN: &[u8] = include_bytes!("../../fuzz/plan.image");
const STEERING: &[u8] = include_bytes!("../../fuzz/steering.image");

/// Queries for the A record of a service, of an edge service, of the core behind that, and of a name
/// that a zone and its child have both.
const ASKING: [&[u8]; 4] = [
    b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x04chat\x07example\0\0\x01\0\x01",
    b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x05small\x07example\0\0\x01\0\x01",
    b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x04core\x05small\x07example\0\0\x01\0\x01",
    b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x03ns1\x05child\x07example\0\0\x01\0\x01",
];

static SNAPSHOT: LazyLock<Result<Snapshot, &'static str>> = LazyLock::new(snapshot);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// The map of most services, and that of edge services.
fn maps() -> Option<Vec<Arc<ClientMap>>> {
    let regions: [&[u8]; 2] = [&[0, 1, 2, 3], &[0, 1]];
    { regions.into_iter() }
        .map(|regions| ClientMap::same_for_all(regions).map(Arc::new))
        .collect()
}

pub(super) fn snapshot() -> Result<Snapshot, &'static str> {
    let plan = Plan::load(PLAN, maps().ok_or("there is no map")?, None)?;
    Snapshot::load(Arc::new(plan), STEERING)
}

/// Answer `octets` as a datagram and then over TCP: the lengths of the responses, where any
/// may be sent. The same octets always get the same.
#[must_use]
pub fn fuzz_respond(octets: &[u8]) -> [Option<usize>; 2] {
    let Ok(snapshot) = &*SNAPSHOT else {
        return [None; 2];
    };
    let (source, mut out) = (Prefix::host_v4([192, 0, 2, 1]), [0; 65_535]);
    SCRATCH.with_borrow_mut(|scratch| {
        snapshot.prefetch(iter::once((octets, source)), scratch);
        let hash = scratch.hash(octets);
        snapshot.plan().prefetch(&[hash], 0);
    });
    [Transport::Udp, Transport::Tcp].map(|transport| {
        SCRATCH.with_borrow_mut(|scratch| {
            respond(
                octets,
                &source,
                snapshot,
                &Counters::none(),
                scratch,
                transport,
                &mut out,
            )
        })
    })
}

/// Load `octets` as a Plan, by itself and after the small Plan, and as a Steering of that; what
/// loads has to answer. Both Plans are the same, or neither loads: returned is whether that is so.
#[must_use]
pub fn fuzz_images(octets: &[u8]) -> bool {
    let (Some(maps), Ok(small)) = (maps(), &*SNAPSHOT) else {
        return false;
    };
    let [alone, after] = [None, Some(small.plan())].map(|before| {
        let plan = Plan::load(octets, maps.clone(), before)?;
        Snapshot::load(Arc::new(plan), STEERING).map(|snapshot| answers(&snapshot))
    });
    if let Ok(plan) = Plan::load(PLAN, maps, None)
        && let Ok(snapshot) = Snapshot::load(Arc::new(plan), octets)
    {
        answers(&snapshot);
    }
    alone == after
}

/// What a self-check finds wrong, and what is then answered to all of [`ASKING`].
fn answers(snapshot: &Snapshot) -> (Option<&'static str>, Vec<u8>) {
    let (source, mut out) = (Prefix::host_v4([192, 0, 2, 1]), [0; 1232]);
    let (counters, udp, mut found) = (Counters::none(), Transport::Udp, Vec::new());
    SCRATCH.with_borrow_mut(|scratch| {
        let wrong = snapshot.self_check(scratch).err();
        for packet in ASKING {
            let length = respond(packet, &source, snapshot, &counters, scratch, udp, &mut out);
            found.extend(out.iter().take(length.unwrap_or_default()));
        }
        (wrong, found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_are_sound_and_answer() {
        let snapshot = snapshot().unwrap();
        assert_eq!(snapshot.self_check(&mut Scratch::new()), Ok(()));
        for packet in ASKING {
            let [udp, tcp] = fuzz_respond(packet);
            assert!(tcp.is_some_and(|length| length > packet.len()));
            assert!(udp.is_some_and(|length| length >= packet.len()));
        }
        let [udp, tcp] = fuzz_respond(ASKING[0]);
        assert_eq!(udp, tcp);
        assert_eq!(fuzz_respond(b"short"), [None; 2]);
    }

    fn loaded(image: &[u8]) -> Result<Arc<Plan>, &'static str> {
        Plan::load(image, maps().unwrap(), None).map(Arc::new)
    }

    /// Whether the tables load; what loads has to answer without a panic.
    fn answers(plan: &Result<Arc<Plan>, &'static str>, steering: &[u8]) -> bool {
        let Ok(plan) = plan else {
            return false;
        };
        let Ok(snapshot) = Snapshot::load(Arc::clone(plan), steering) else {
            return false;
        };
        SCRATCH.with_borrow_mut(|scratch| {
            for packet in ASKING {
                respond(
                    packet,
                    &Prefix::host_v4([192, 0, 2, 1]),
                    &snapshot,
                    &Counters::none(),
                    scratch,
                    Transport::Udp,
                    &mut [0; 1232],
                );
            }
        });
        true
    }

    #[test]
    fn a_plan_with_any_octet_changed_is_refused_or_answers() {
        let mut refused = 0;
        // Every octet of the head and of the first records, then here and there.
        for at in (0..300).chain((300..PLAN.len()).step_by(397)) {
            for flip in [0x01, 0xff] {
                let mut plan = PLAN.to_vec();
                plan[at] ^= flip;
                refused += usize::from(!answers(&loaded(&plan), STEERING));
                assert!(
                    fuzz_images(&plan),
                    "octet {at} by {flip}, after the Plan that it was"
                );
            }
        }
        for at in (0..PLAN.len()).step_by(1009) {
            assert!(loaded(&PLAN[..at]).is_err());
        }
        assert!(refused > 300);
    }

    #[test]
    fn a_steering_with_any_octet_changed_is_refused_or_answers() {
        let plan = loaded(PLAN);
        assert!(answers(&plan, STEERING));
        let mut refused = 0;
        for at in (0..STEERING.len()).step_by(7) {
            let mut steering = STEERING.to_vec();
            steering[at] ^= 0xff;
            refused += usize::from(!answers(&plan, &steering));
            assert!(!answers(&plan, &STEERING[..at]));
        }
        assert!(refused > 30);
    }
}
