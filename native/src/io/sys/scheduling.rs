//! How the kernel schedules the calling thread.
#![deny(unsafe_code)]

use super::{sched_getattr, sched_setattr};
use crate::io::kernel::{SCHED_ATTR_CALLS, SCHED_OTHER, SchedAttr};
use std::io;

/// The lowest nice value there is.
const NICE_LEAST: i32 = -20;

/// Have the calling thread take turns of `slice` nanoseconds (from Linux 6.12 on), with a nice value
/// lower by `precedence` where that is allowed (`RLIMIT_NICE`, or `CAP_SYS_NICE`; sched(7)).
///
/// Nothing changes under another policy than SCHED_OTHER, which an operator has chosen.
///
/// # Errors
/// As the system calls, which a filter may forbid.
pub fn take_precedence(precedence: i32, slice: u64) -> io::Result<()> {
    let Some((set, get)) = SCHED_ATTR_CALLS else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut attr = SchedAttr::default();
    sched_getattr(get, &mut attr)?;
    if attr.policy != SCHED_OTHER {
        return Ok(());
    }
    let given = attr.nice;
    attr.runtime = slice;
    attr.nice = given.saturating_sub(precedence).max(NICE_LEAST);
    sched_setattr(set, &mut attr).or_else(|_not_allowed| {
        attr.nice = given;
        sched_setattr(set, &mut attr)
    })
}
