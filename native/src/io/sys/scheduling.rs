//! How the kernel schedules the calling thread.
#![deny(unsafe_code)]

use super::{sched_getattr, sched_setattr};
use crate::io::kernel::{SCHED_ATTR_CALLS, SCHED_OTHER, SchedAttr};
use std::io;

/// The lowest nice value there is.
const NICE_LEAST: i32 = -20;

/// Have the calling thread take turns of `slice` nanoseconds (from Linux 6.12 on), with a nice value
/// lower by `precedence`, or by as much of it as is allowed (`RLIMIT_NICE`, or `CAP_SYS_NICE`;
/// sched(7)).
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
    attr.runtime = slice;
    let given = attr.nice;
    let wanted = given.saturating_sub(precedence).max(NICE_LEAST);
    let mut refused = Ok(());
    for nice in wanted..=given {
        attr.nice = nice;
        refused = sched_setattr(set, &mut attr);
        if refused.is_ok() {
            break;
        }
    }
    refused
}
