//! A global allocator that counts. The one `unsafe` of this package: a stock counting crate would
//! turn `realloc` into allocate, copy and free, and so punish who grows a `Vec`.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, with its calls counted. One thread only: a load and a store cost next to
/// nothing in what is timed, a locked addition would not.
pub(crate) struct Counting;

/// What was asked for since the program began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// Allocations, a `realloc` is one.
    pub(crate) calls: u64,
    /// Bytes asked for in them.
    pub(crate) bytes: u64,
    /// Bytes that are not freed yet.
    pub(crate) live: i64,
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        calls: CALLS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        live: LIVE.load(Relaxed),
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

#[inline(always)]
fn took(size: usize) {
    CALLS.store(CALLS.load(Relaxed) + 1, Relaxed);
    BYTES.store(BYTES.load(Relaxed) + size as u64, Relaxed);
    LIVE.store(LIVE.load(Relaxed) + size as i64, Relaxed);
}

#[inline(always)]
fn gave(size: usize) {
    LIVE.store(LIVE.load(Relaxed) - size as i64, Relaxed);
}

// SAFETY: every call is the system allocator's own, with the caller's own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        gave(layout.size());
        took(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
