//! The images of Plan and Steering: any octets as either, and a query to what loads.

use resolverd_native::{answer, io::sys::Span};

/// Called by libFuzzer with one input; 0 keeps it in the corpus where it found something new.
#[unsafe(no_mangle)]
pub extern "C" fn LLVMFuzzerTestOneInput(start: *const u8, length: usize) -> i32 {
    assert!(answer::fuzz_images(Span::new(start, length).octets()));
    0
}
