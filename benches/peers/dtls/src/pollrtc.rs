//! pollrtc.

use std::sync::Arc;

use dtls_measure::measure::Kind;
use dtls_measure::subject::{self, Ends};
use dtls_measure::wire::Wire;
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, HashAlgorithm, NamedGroup, Rng, default_provider};
use pollrtc_dtls::{CipherSuite, Config, Connection, Cookies, PeerVerification, SrtpProfile, Versions};

const NOW: Instant = Instant::from_millis(1);

pub(crate) struct Configs {
    client: Arc<Config>,
    server: Arc<Config>,
    rng: Rng,
}

impl Configs {
    pub(crate) fn new(kind: Kind) -> Result<Self, String> {
        let mut rng = Rng::from_os();
        let mut generate = || Certificate::generate(default_provider(), &mut rng).map_err(|error| error.to_string());
        let (a, b) = (generate()?, generate()?);
        Ok(Self {
            client: config(kind, &a, &b),
            server: config(kind, &b, &a),
            rng,
        })
    }
}

fn config(kind: Kind, own: &Certificate, peer: &Certificate) -> Arc<Config> {
    let fingerprint = peer.fingerprint(HashAlgorithm::Sha256);
    let mut config = Config::new(own.clone(), PeerVerification::Fingerprints(vec![fingerprint]));
    config.cookies = Cookies::Off;
    (config.versions, config.groups) = match kind {
        // The curve of a certificate has to be among the groups.
        Kind::V12 => (Versions::Dtls12, vec![NamedGroup::X25519, NamedGroup::Secp256r1]),
        Kind::V13 => (Versions::Dtls13, vec![NamedGroup::X25519]),
        Kind::V13Hybrid => (Versions::Dtls13, vec![NamedGroup::X25519MlKem768]),
    };
    config.cipher_suites = vec![CipherSuite::EcdheEcdsaAes128GcmSha256, CipherSuite::Aes128GcmSha256];
    config.srtp_profiles = vec![SrtpProfile::Aes128CmHmacSha1_80, SrtpProfile::AeadAes128Gcm];
    Arc::new(config)
}

impl Ends for Configs {
    fn connect(&mut self) -> Result<Box<dyn subject::Pair>, String> {
        let mut pair = Pair {
            client: Connection::client(self.client.clone(), self.rng.fork()).unwrap(),
            server: Connection::server(self.server.clone(), self.rng.fork()).unwrap(),
            there: Wire::default(),
            back: Wire::default(),
        };
        loop {
            let sent = pump(&mut pair.client, &mut pair.there, &mut pair.server)
                + pump(&mut pair.server, &mut pair.back, &mut pair.client);
            if sent == 0 {
                break;
            }
        }
        let mut key = [0; 60];
        for end in [&pair.client, &pair.server] {
            end.export_keying_material("EXTRACTOR-dtls_srtp", None, &mut key)
                .map_err(|error| error.to_string())?;
        }
        Ok(Box::new(pair))
    }
}

/// Everything that `from` has to say reaches `to`. Tells how many datagrams it was.
fn pump(from: &mut Connection, wire: &mut Wire, to: &mut Connection) -> usize {
    let before = wire.datagrams;
    while wire.send_with(|buf| from.write_body(NOW, buf, Headroom::NONE)) {}
    while wire.receive(|datagram| to.handle_body(NOW, datagram).count()).is_some() {}
    wire.datagrams - before
}

struct Pair {
    client: Connection,
    server: Connection,
    there: Wire,
    back: Wire,
}

impl subject::Pair for Pair {
    fn protect(&mut self, payload: &[u8]) -> Result<(), String> {
        let client = &mut self.client;
        let start = client.headroom().prefix;
        let is_sent = self.there.send_with(|buf| {
            buf[start..start + payload.len()].copy_from_slice(payload);
            client.write_record(buf, payload.len()).ok()
        });
        is_sent.then_some(()).ok_or_else(|| "not sealed".into())
    }

    fn unprotect(&mut self, length: usize) -> Result<(), String> {
        let server = &mut self.server;
        let received = self.there.receive(|datagram| {
            server
                .handle_body(NOW, datagram)
                .map(|payload| payload.len())
                .sum::<usize>()
        });
        (received == Some(length))
            .then_some(())
            .ok_or_else(|| "not opened".into())
    }

    fn sent(&self) -> (usize, usize) {
        (
            self.there.bytes + self.back.bytes,
            self.there.datagrams + self.back.datagrams,
        )
    }
}
