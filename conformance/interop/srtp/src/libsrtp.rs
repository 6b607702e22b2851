//! libsrtp 2 through its C interface.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_ulong, c_void};
use std::ptr::null_mut;
use std::sync::Once;

use pollrtc_srtp::Profile;

/// Which packets a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

/// What a session does beyond its profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Numbers of header extensions that are encrypted.
    pub(crate) encrypted_extensions: Vec<u8>,
    /// RTCP is authenticated and not encrypted.
    pub(crate) plain_rtcp: bool,
    pub(crate) mki: Option<Vec<u8>>,
    /// Packets may be sent again.
    pub(crate) allow_repeat: bool,
}

/// A session of libsrtp, of any number of streams in one direction.
pub(crate) struct Session {
    session: *mut c_void,
    uses_mki: bool,
    /// What its policy points to.
    _kept: Box<Kept>,
}

struct Kept {
    key: Vec<u8>,
    mki: Vec<u8>,
    extensions: Vec<c_int>,
    master: MasterKey,
    masters: [*mut MasterKey; 1],
}

/// Bytes behind a packet that libsrtp may want.
pub(crate) const TRAILER_LEN: usize = 16 + 128 + 4;

impl Session {
    pub(crate) fn new(direction: Direction, profile: Profile, key: &[u8], salt: &[u8], settings: &Settings) -> Self {
        static INIT: Once = Once::new();
        // SAFETY: called once, before all else.
        INIT.call_once(|| unsafe { assert_eq!(srtp_init(), OK) });
        let (rtp, mut rtcp) = policies(profile);
        if settings.plain_rtcp {
            rtcp.sec_serv = AUTHENTICATION;
        }
        // It reads as much of the key as its longest cipher has.
        let mut bytes = [key, salt].concat();
        bytes.resize(64, 0);
        let mut kept = Box::new(Kept {
            key: bytes,
            mki: settings.mki.clone().unwrap_or_default(),
            extensions: settings.encrypted_extensions.iter().map(|id| (*id).into()).collect(),
            master: MasterKey {
                key: null_mut(),
                mki_id: null_mut(),
                mki_size: 0,
            },
            masters: [null_mut()],
        });
        kept.master = MasterKey {
            key: kept.key.as_mut_ptr(),
            mki_id: kept.mki.as_mut_ptr(),
            mki_size: kept.mki.len() as c_uint,
        };
        kept.masters = [&raw mut kept.master];
        let uses_mki = settings.mki.is_some();
        let policy = Policy {
            ssrc: Ssrc {
                kind: match direction {
                    Direction::Inbound => ANY_INBOUND,
                    Direction::Outbound => ANY_OUTBOUND,
                },
                value: 0,
            },
            rtp,
            rtcp,
            key: if uses_mki { null_mut() } else { kept.key.as_mut_ptr() },
            keys: if uses_mki {
                kept.masters.as_mut_ptr()
            } else {
                null_mut()
            },
            num_master_keys: uses_mki.into(),
            deprecated_ekt: null_mut(),
            window_size: 1024,
            allow_repeat_tx: settings.allow_repeat.into(),
            enc_xtn_hdr: match kept.extensions.is_empty() {
                true => null_mut(),
                false => kept.extensions.as_mut_ptr(),
            },
            enc_xtn_hdr_count: kept.extensions.len() as c_int,
            next: null_mut(),
        };
        let mut session = null_mut();
        // SAFETY: what the policy points to lives as long as the session.
        let status = unsafe { srtp_create(&mut session, &policy) };
        assert_eq!(status, OK, "libsrtp does not have {profile}");
        Self {
            session,
            uses_mki,
            _kept: kept,
        }
    }

    /// Protects the packet in the first `len` bytes; `buf` has [`TRAILER_LEN`] bytes behind it.
    pub(crate) fn protect(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        assert!(buf.len() >= len + TRAILER_LEN);
        let mut length = len as c_int;
        // SAFETY: the buffer has room for what libsrtp appends.
        let status = unsafe {
            srtp_protect_mki(
                self.session,
                buf.as_mut_ptr().cast(),
                &mut length,
                self.uses_mki.into(),
                0,
            )
        };
        (status == OK).then_some(length as usize)
    }

    pub(crate) fn unprotect(&mut self, packet: &mut [u8]) -> Option<usize> {
        let mut length = packet.len() as c_int;
        // SAFETY: it stays within the packet.
        let status = unsafe {
            srtp_unprotect_mki(
                self.session,
                packet.as_mut_ptr().cast(),
                &mut length,
                self.uses_mki.into(),
            )
        };
        (status == OK).then_some(length as usize)
    }

    pub(crate) fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        assert!(buf.len() >= len + TRAILER_LEN);
        let mut length = len as c_int;
        // SAFETY: as above.
        let status = unsafe {
            srtp_protect_rtcp_mki(
                self.session,
                buf.as_mut_ptr().cast(),
                &mut length,
                self.uses_mki.into(),
                0,
            )
        };
        (status == OK).then_some(length as usize)
    }

    pub(crate) fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let mut length = packet.len() as c_int;
        // SAFETY: as above.
        let status = unsafe {
            srtp_unprotect_rtcp_mki(
                self.session,
                packet.as_mut_ptr().cast(),
                &mut length,
                self.uses_mki.into(),
            )
        };
        (status == OK).then_some(length as usize)
    }

    /// The rollover counter of a stream that it knows.
    pub(crate) fn rollovers(&self, ssrc: u32) -> Option<u32> {
        let mut rollovers = 0;
        // SAFETY: it reads and writes what is its own.
        let status = unsafe { srtp_get_stream_roc(self.session, ssrc, &mut rollovers) };
        (status == OK).then_some(rollovers)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: it was created, and is used no more.
        unsafe { srtp_dealloc(self.session) };
    }
}

/// Its name and version.
pub(crate) fn version() -> String {
    // SAFETY: a constant string.
    unsafe { CStr::from_ptr(srtp_get_version_string()) }
        .to_string_lossy()
        .into_owned()
}

/// Those of RTP and of RTCP.
fn policies(profile: Profile) -> (CryptoPolicy, CryptoPolicy) {
    type Set = unsafe extern "C" fn(*mut CryptoPolicy);
    let (rtp, rtcp): (Set, Set) = match profile {
        Profile::Aes128CmHmacSha1_80 => (srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default),
        Profile::Aes128CmHmacSha1_32 => (
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
            srtp_crypto_policy_set_rtp_default,
        ),
        Profile::Aes256CmHmacSha1_80 => (
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        ),
        Profile::Aes256CmHmacSha1_32 => (
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
        ),
        Profile::AeadAes128Gcm => (
            srtp_crypto_policy_set_aes_gcm_128_16_auth,
            srtp_crypto_policy_set_aes_gcm_128_16_auth,
        ),
        Profile::AeadAes256Gcm => (
            srtp_crypto_policy_set_aes_gcm_256_16_auth,
            srtp_crypto_policy_set_aes_gcm_256_16_auth,
        ),
        _ => panic!("a profile that nobody has told libsrtp of"),
    };
    let set = |set: Set| {
        let mut policy = CryptoPolicy::default();
        // SAFETY: it fills in the policy.
        unsafe { set(&mut policy) };
        policy
    };
    (set(rtp), set(rtcp))
}

const OK: c_int = 0;
const AUTHENTICATION: c_int = 2;
const ANY_INBOUND: c_int = 2;
const ANY_OUTBOUND: c_int = 3;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CryptoPolicy {
    cipher_type: u32,
    cipher_key_len: c_int,
    auth_type: u32,
    auth_key_len: c_int,
    auth_tag_len: c_int,
    sec_serv: c_int,
}

#[repr(C)]
struct Ssrc {
    kind: c_int,
    value: c_uint,
}

#[repr(C)]
struct MasterKey {
    key: *mut c_uchar,
    mki_id: *mut c_uchar,
    mki_size: c_uint,
}

#[repr(C)]
struct Policy {
    ssrc: Ssrc,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *mut c_uchar,
    keys: *mut *mut MasterKey,
    num_master_keys: c_ulong,
    deprecated_ekt: *mut c_void,
    window_size: c_ulong,
    allow_repeat_tx: c_int,
    enc_xtn_hdr: *mut c_int,
    enc_xtn_hdr_count: c_int,
    next: *mut Policy,
}

unsafe extern "C" {
    fn srtp_init() -> c_int;
    fn srtp_get_version_string() -> *const c_char;
    fn srtp_create(session: *mut *mut c_void, policy: *const Policy) -> c_int;
    fn srtp_dealloc(session: *mut c_void) -> c_int;
    fn srtp_protect_mki(
        session: *mut c_void,
        packet: *mut c_void,
        len: *mut c_int,
        use_mki: c_uint,
        mki: c_uint,
    ) -> c_int;
    fn srtp_unprotect_mki(session: *mut c_void, packet: *mut c_void, len: *mut c_int, use_mki: c_uint) -> c_int;
    fn srtp_protect_rtcp_mki(
        session: *mut c_void,
        packet: *mut c_void,
        len: *mut c_int,
        use_mki: c_uint,
        mki: c_uint,
    ) -> c_int;
    fn srtp_unprotect_rtcp_mki(session: *mut c_void, packet: *mut c_void, len: *mut c_int, use_mki: c_uint) -> c_int;
    fn srtp_get_stream_roc(session: *mut c_void, ssrc: u32, rollovers: *mut u32) -> c_int;
    fn srtp_crypto_policy_set_rtp_default(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_128_16_auth(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_256_16_auth(policy: *mut CryptoPolicy);
}
