//! Cookies: that a client receives what is sent to the address that it has (RFC 6347 §4.2.1, RFC 9147 §5.1).

use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use pollrtc_crypto::{HmacSha256, Rng};
use zeroize::Zeroizing;

use crate::config::{Config, Cookies};

/// Makes cookies and knows them again. Nothing is kept of a client that is asked for one.
#[derive(Clone)]
pub(crate) struct CookieKeys {
    newest: Arc<HmacSha256>,
    /// Its cookies count, but no new ones are made with it.
    previous: Option<Arc<HmacSha256>>,
    policy: Cookies,
    /// The address that cookies are for, where the same keys make those of many clients.
    address: [u8; 18],
}

impl CookieKeys {
    /// Keys for one client alone, whatever its address.
    pub(crate) fn new(config: &Config, rng: &mut Rng) -> Self {
        Self {
            newest: Self::new_key(rng),
            previous: None,
            policy: config.cookies,
            address: [0; 18],
        }
    }

    /// Keys that other clients' cookies are made with too. Each client has to bring one.
    pub(crate) fn shared(newest: Arc<HmacSha256>, previous: Option<Arc<HmacSha256>>, client: SocketAddr) -> Self {
        Self {
            newest,
            previous,
            policy: Cookies::Required,
            address: address_bytes(client),
        }
    }

    /// A key for cookies.
    pub(crate) fn new_key(rng: &mut Rng) -> Arc<HmacSha256> {
        Arc::new(HmacSha256::new(&*Zeroizing::new(rng.array::<32>())))
    }

    /// Whether a client has to prove its address.
    pub(crate) fn are_required(&self) -> bool {
        self.policy == Cookies::Required
    }

    /// A cookie for the client's address and these parts of what it said.
    pub(crate) fn cookie(&self, parts: [&[u8]; 2]) -> [u8; HmacSha256::TAG_LEN] {
        self.newest.sign(&[&self.address, parts[0], parts[1]])
    }

    /// Whether the cookie is one of ours, for this address and these parts.
    pub(crate) fn is_valid(&self, parts: [&[u8]; 2], cookie: &[u8]) -> bool {
        let keys = [Some(&self.newest), self.previous.as_ref()];
        let mut keys = keys.into_iter().flatten();
        keys.any(|key| key.verify(&[&self.address, parts[0], parts[1]], cookie))
    }
}

/// Address and port.
fn address_bytes(address: SocketAddr) -> [u8; 18] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let mut bytes = [0; 18];
    let (front, end) = bytes.split_at_mut(16);
    front.copy_from_slice(&ip);
    end.copy_from_slice(&address.port().to_be_bytes());
    bytes
}
