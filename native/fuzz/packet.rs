//! The packet path: any octets over UDP and TCP, against a Plan with every feature in it.

use resolverd_native::{answer, io::sys::Span};

/// Called by libFuzzer with one input; 0 keeps it in the corpus where it found something new.
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerTestOneInput(start: *const u8, length: usize) -> i32 {
    let _ = answer::fuzz_respond(Span::new(start, length).octets());
    0
}
