//! The C functions that Python calls; `resolverd/abi/` declares the same.
//!
//! Contract: spans and rooms are valid during the call; a handle that was given out is
//! released once by its `_release`; a call that fails returns null (or a negative number) and
//! tells the reason in the buffer for it, as UTF-8. Calls may come from any thread. No function
//! takes Python's lock or calls back into Python.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

mod caught;
pub mod contract;
pub mod engine;
pub mod exchanges;
pub mod map;
pub mod pages;
pub mod tables;

use contract::ABI_VERSION;

/// The version of this ABI, for the caller to compare before any other call.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_abi_version() -> u32 {
    ABI_VERSION
}
