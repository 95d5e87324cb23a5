//! Where the runtime counts in a worker's row, below `counters::FIRST_FREE` and above the
//! slots of the packet path.

use std::io::{Error, ErrorKind};

/// Answers that could not be sent, by what Python calls the error; four slots.
pub const SEND_ERRORS: usize = 960;
/// `BlockingIOError`: the socket has no room.
pub const NO_ROOM: usize = SEND_ERRORS;
/// `ConnectionRefusedError`.
pub const REFUSED: usize = SEND_ERRORS + 1;
/// `PermissionError`.
pub const FORBIDDEN: usize = SEND_ERRORS + 2;
/// `OSError`, all others.
pub const OTHER_ERROR: usize = SEND_ERRORS + 3;

/// TCP connections closed at once or early, by limit; six slots.
pub const TCP_REFUSED: usize = 970;
/// Silent for too long.
pub const IDLE: usize = TCP_REFUSED;
/// Open for too long.
pub const LIFETIME: usize = TCP_REFUSED + 1;
/// Too many at once in this worker.
pub const CONNECTIONS: usize = TCP_REFUSED + 2;
/// Too many at once from this address.
pub const PER_CLIENT: usize = TCP_REFUSED + 3;
/// Answers are not read.
pub const SLOW_READER: usize = TCP_REFUSED + 4;
/// Gone within a message, or with a reset.
pub const PEER_CLOSED: usize = TCP_REFUSED + 5;

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
