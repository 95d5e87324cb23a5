//! Where the runtime counts in a worker's row, below `counters::FIRST_FREE` and above the
//! slots of the packet path.

use std::io::{Error, ErrorKind};

/// Answers that could not be sent, by what Python calls the error; four slots.
pub const SEND_ERRORS: usize = 960;
/// `BlockingIOError`: its send buffer is full.
pub const NO_ROOM: usize = SEND_ERRORS;
/// `ConnectionRefusedError`.
pub const REFUSED: usize = SEND_ERRORS + 1;
/// `PermissionError`.
pub const FORBIDDEN: usize = SEND_ERRORS + 2;
/// `OSError`, all others.
pub const OTHER_ERROR: usize = SEND_ERRORS + 3;

/// TCP connections closed at once or early, by limit; nine slots.
pub const TCP_REFUSED: usize = 970;
/// Idle for too long.
pub const IDLE: usize = TCP_REFUSED;
/// Open for too long.
pub const LIFETIME: usize = TCP_REFUSED + 1;
/// Idle for longest when a slot was wanted and none left in this worker.
pub const CONNECTIONS: usize = TCP_REFUSED + 2;
/// Idle for longest of its client's when that client wanted another than it may have.
pub const PER_CLIENT: usize = TCP_REFUSED + 3;
/// Answers are not read.
pub const SLOW_READER: usize = TCP_REFUSED + 4;
/// Gone within a message, or with a reset.
pub const PEER_CLOSED: usize = TCP_REFUSED + 5;
/// Idle for too long while few slots were left.
pub const IDLE_SHORTENED: usize = TCP_REFUSED + 6;
/// Idle for longest when no descriptor was left, or not accepted for lack of one.
pub const DESCRIPTORS: usize = TCP_REFUSED + 7;
/// With queries to be answered, or new, when none was idle that could be closed instead.
pub const BUSY: usize = TCP_REFUSED + 8;

/// The names of these slots, in the form that `counters::names` has.
pub fn names() -> impl Iterator<Item = String> {
    let errors = [
        "BlockingIOError",
        "ConnectionRefusedError",
        "PermissionError",
        "OSError",
    ];
    let limits = [
        "idle",
        "lifetime",
        "connections",
        "per_client",
        "slow_reader",
        "peer_closed",
        "idle_shortened",
        "descriptors",
        "busy",
    ];
    let errors = (SEND_ERRORS..)
        .zip(errors)
        .map(|(slot, name)| (slot, "send_errors", name));
    let limits = (TCP_REFUSED..)
        .zip(limits)
        .map(|(slot, name)| (slot, "tcp_refused", name));
    errors
        .chain(limits)
        .map(|(slot, field, name)| format!("{slot} {field} {name}"))
}

/// Where an error of a datagram socket counts.
#[must_use]
pub fn send_error(error: &Error) -> usize {
    match error.kind() {
        ErrorKind::WouldBlock => NO_ROOM,
        ErrorKind::ConnectionRefused => REFUSED,
        ErrorKind::PermissionDenied => FORBIDDEN,
        _ => OTHER_ERROR,
    }
}
