//! Pages of metrics; `resolverd/abi/pages.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use crate::io::sys::{Handle, Numbers, Span};
use crate::pages::Layout;
use std::sync::Arc;

/// The layout of pages whose samples of `names` are just `series` ([`Layout::new`]); null where a name
/// is too short.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_layout_new(names: Span, series: Span) -> Handle<Layout> {
    let layout = Layout::new(names.octets(), series.octets());
    layout.map_or_else(Handle::null, |layout| Handle::give(Arc::new(layout)))
}

/// Release a layout; what reads pages by it goes on.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_layout_release(layout: Handle<Layout>) {
    layout.release();
}

/// Read a page of that layout ([`Layout::read`]); the bits of a double for each of its series. Their
/// number; negative where the page is not so plain.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_page_read(
    page: Span,
    layout: Handle<Layout>,
    mut numbers: Numbers,
) -> isize {
    layout
        .get()
        .and_then(|layout| layout.read(page.octets(), numbers.numbers()))
        .and_then(|count| isize::try_from(count).ok())
        .unwrap_or(-1)
}
