//! Error codes (RFC 8489 §14.8).

/// Numbers for ERROR-CODE, with the reason phrases that the IANA registry recommends.
///
/// ```
/// use pollrtc_stun::ErrorCode;
/// assert_eq!(ErrorCode::ROLE_CONFLICT, 487);
/// assert_eq!(ErrorCode::reason(487), "Role Conflict");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ErrorCode(());

impl ErrorCode {
    /// Try another server (RFC 8489 §10).
    pub const TRY_ALTERNATE: u16 = 300;
    /// The request was malformed.
    pub const BAD_REQUEST: u16 = 400;
    /// The request lacks the right credentials.
    pub const UNAUTHENTICATED: u16 = 401;
    /// The request has comprehension-required attributes that the server does not know.
    pub const UNKNOWN_ATTRIBUTE: u16 = 420;
    /// The nonce is no longer good.
    pub const STALE_NONCE: u16 = 438;
    /// Both agents claim the same role (RFC 8445 §7.3.1.1).
    pub const ROLE_CONFLICT: u16 = 487;
    /// The server has a passing problem.
    pub const SERVER_ERROR: u16 = 500;

    /// The reason phrase that goes with `code`; empty for one that is not listed here.
    pub const fn reason(code: u16) -> &'static str {
        match code {
            Self::TRY_ALTERNATE => "Try Alternate",
            Self::BAD_REQUEST => "Bad Request",
            Self::UNAUTHENTICATED => "Unauthenticated",
            Self::UNKNOWN_ATTRIBUTE => "Unknown Attribute",
            Self::STALE_NONCE => "Stale Nonce",
            Self::ROLE_CONFLICT => "Role Conflict",
            Self::SERVER_ERROR => "Server Error",
            _ => "",
        }
    }
}
