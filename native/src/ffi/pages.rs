//! Pages of metrics; `resolverd/abi/pages.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use crate::io::sys::{Numbers, Span};
use crate::pages;

/// Read a page whose samples of `names` are just `series` ([`pages::read`]); the bits of a double
/// for each. Their number; negative where the page is not so plain.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_page_read(
    page: Span,
    names: Span,
    series: Span,
    mut numbers: Numbers,
) -> isize {
    let room = numbers.numbers();
    pages::read(page.octets(), names.octets(), series.octets(), room)
        .and_then(|count| isize::try_from(count).ok())
        .unwrap_or(-1)
}
