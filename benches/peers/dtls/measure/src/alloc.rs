//! Counts allocations of the whole program, also those of libraries in C. They all end in the C
//! library's three functions, which stand here in their place: the one `unsafe` of this package.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Allocations since the program began; a `realloc` is one.
pub(crate) fn count() -> u64 {
    CALLS.load(Relaxed)
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// One thread only: a load and a store cost next to nothing in what is timed.
#[inline(always)]
fn took() {
    CALLS.store(CALLS.load(Relaxed) + 1, Relaxed);
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    took();
    // SAFETY: the caller's own arguments, for the function that it asked for.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    took();
    // SAFETY: as above.
    unsafe { __libc_calloc(count, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    took();
    // SAFETY: as above.
    unsafe { __libc_realloc(pointer, size) }
}
