//! BoringSSL's clock and timers, and its key updates: what its crate does not wrap, and hence the one
//! `unsafe` of this package.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::time::Duration;

use boring::ssl::{SslContextBuilder, SslRef};
use foreign_types::ForeignTypeRef;
use pollrtc_core::Instant;

thread_local! {
    static NOW: Cell<Instant> = const { Cell::new(Instant::ZERO) };
}

/// What time it is for BoringSSL, in this thread.
pub(crate) fn set(now: Instant) {
    NOW.set(now);
}

/// Makes connections of this context live in our time.
pub(crate) fn install(builder: &mut SslContextBuilder) {
    // SAFETY: the pointer is the builder's own, and `read` stays for good.
    unsafe { boring_sys::SSL_CTX_set_current_time_cb(builder.as_ptr(), Some(read)) }
}

unsafe extern "C" fn read(_ssl: *const boring_sys::SSL, out: *mut boring_sys::timeval) {
    // Long after zero, which stands for no time at all.
    let time = Duration::from_secs(1_000_000) + (NOW.get() - Instant::ZERO);
    // SAFETY: BoringSSL gives a place to write to.
    let out = unsafe { &mut *out };
    out.tv_sec = time.as_secs() as _;
    out.tv_usec = time.subsec_micros() as _;
}

/// How long until the next timer runs out.
pub(crate) fn timeout(ssl: &SslRef) -> Option<Duration> {
    let mut left = boring_sys::timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: the pointers are valid for the call.
    let is_running = unsafe { boring_sys::DTLSv1_get_timeout(ssl.as_ptr(), &mut left) } == 1;
    is_running.then(|| Duration::from_secs(left.tv_sec as u64) + Duration::from_micros(left.tv_usec as u64))
}

/// Does what is due.
pub(crate) fn handle_timeout(ssl: &mut SslRef) {
    // SAFETY: the pointer is valid for the call.
    unsafe { boring_sys::DTLSv1_handle_timeout(ssl.as_ptr()) };
}

/// Starts a key update, and asks for one of ours if `request`.
pub(crate) fn update_keys(ssl: &mut SslRef, request: bool) -> bool {
    let request = match request {
        true => boring_sys::SSL_KEY_UPDATE_REQUESTED,
        false => boring_sys::SSL_KEY_UPDATE_NOT_REQUESTED,
    };
    // SAFETY: the pointer is valid for the call.
    unsafe { boring_sys::SSL_key_update(ssl.as_ptr(), request as _) == 1 }
}
