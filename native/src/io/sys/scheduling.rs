//! How the kernel schedules the calling thread.
#![deny(unsafe_code)]

use super::{sched_getattr, sched_setattr};
use crate::io::kernel::{SCHED_ATTR_CALLS, SCHED_OTHER, SchedAttr};
use std::io;

/// Have the calling thread take turns of `slice` nanoseconds (sched_setattr(2), from Linux 6.12 on).
///
/// Nothing changes under another policy than SCHED_OTHER, which an operator has chosen.
///
/// # Errors
/// As the system calls, which a filter may forbid.
pub fn set_time_slice(slice: u64) -> io::Result<()> {
    let Some((set, get)) = SCHED_ATTR_CALLS else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut attr = SchedAttr::default();
    sched_getattr(get, &mut attr)?;
    if attr.policy == SCHED_OTHER {
        attr.runtime = slice;
        sched_setattr(set, &mut attr)?;
    }
    Ok(())
}
