//! Panics of what databases are checked and maps are compiled by: across the C ABI they would end the
//! process, which answers.
//!
//! There is one that nobody's mistake causes: `thread::scope` panics where no thread can be started.

use crate::geo::mmdb::Refused;
use crate::io::engine::payload_text;
use std::panic::{self, AssertUnwindSafe};

/// What `work` gives; a panic of it as a refusal, with what it says.
pub fn caught<T>(work: impl FnOnce() -> Result<T, Refused>) -> Result<T, Refused> {
    // What it has half made goes with it: it shares what is only read.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panicked| {
        let reason = payload_text(panicked.as_ref());
        Err(Refused(format!("the native library gave up: {reason}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_refusal_with_its_reason() {
        assert_eq!(caught(|| Ok(7)).ok(), Some(7));
        let refused = caught(|| Ok(text("no thread").parse::<u8>().unwrap()));
        let refused = refused.err().unwrap().0;
        assert!(refused.starts_with("the native library gave up: "));
        assert!(refused.contains("ParseIntError"), "{refused}");
    }

    /// Of a text that the compiler does not look into.
    fn text(text: &str) -> &str {
        std::hint::black_box(text)
    }
}
