//! The map compiler: any octets as a MaxMind-format database.

use resolverd_native::{geo, io::sys::Span};

/// Called by libFuzzer with one input; 0 keeps it in the corpus where it found something new.
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerTestOneInput(start: *const u8, length: usize) -> i32 {
    geo::fuzz_compile(Span::new(start, length).octets());
    0
}
