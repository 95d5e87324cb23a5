//! What of a [`super::Meter`] needs no `unsafe`: writing to it.
#![deny(unsafe_code)]

use super::Progress;
use std::sync::atomic::Ordering::Relaxed;

impl Progress<'_> {
    /// Show the part done, from 0 to 1, in thousandths.
    pub fn tell(&self, part: f64) {
        if let Some(number) = self.0 {
            number.store((part * 1000.0) as u32, Relaxed);
        }
    }
}
