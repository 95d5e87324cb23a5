//! Which counter an error of a datagram socket has.

use crate::io::slots::send_error::{FORBIDDEN, NO_ROOM, OTHER_ERROR, REFUSED};
use std::io::{Error, ErrorKind};

/// Where an error of a datagram socket counts.
#[must_use]
pub fn slot(error: &Error) -> usize {
    match error.kind() {
        ErrorKind::WouldBlock => NO_ROOM,
        ErrorKind::ConnectionRefused => REFUSED,
        ErrorKind::PermissionDenied => FORBIDDEN,
        _ => OTHER_ERROR,
    }
}
