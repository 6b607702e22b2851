//! BoringSSL, by the crate `boring`.

use std::cell::RefCell;
use std::rc::Rc;

use boring::error::ErrorStack;
use boring::hash::MessageDigest;
use boring::pkey::PKey;
use boring::ssl::{
    ErrorCode, HandshakeError, MidHandshakeSslStream, Ssl, SslAlert, SslContext, SslMethod, SslOptions,
    SslSessionCacheMode, SslStream, SslVerifyError, SslVerifyMode, SslVersion,
};
use boring::x509::X509;
use dtls_measure::measure::Kind;
use dtls_measure::subject::{self, Ends};
use dtls_measure::wire::{End, Wire};
use pollrtc_crypto::{Certificate, Rng, default_provider};

pub(crate) struct Contexts {
    client: SslContext,
    server: SslContext,
}

impl Contexts {
    pub(crate) fn new(kind: Kind) -> Result<Self, String> {
        let mut rng = Rng::from_os();
        let mut generate = || Certificate::generate(default_provider(), &mut rng).map_err(|error| error.to_string());
        let (a, b) = (generate()?, generate()?);
        Ok(Self {
            client: context(kind, &a, &b).map_err(|error| error.to_string())?,
            server: context(kind, &b, &a).map_err(|error| error.to_string())?,
        })
    }
}

fn context(kind: Kind, own: &Certificate, peer: &Certificate) -> Result<SslContext, ErrorStack> {
    let (version, groups) = match kind {
        // It wants the curve of a certificate to be among the groups.
        Kind::V12 => (SslVersion::DTLS1_2, "X25519:P-256"),
        Kind::V13 => (SslVersion::DTLS1_3, "X25519"),
        Kind::V13Hybrid => (SslVersion::DTLS1_3, "X25519MLKEM768"),
    };
    let mut builder = SslContext::builder(SslMethod::dtls())?;
    builder.set_min_proto_version(Some(version))?;
    builder.set_max_proto_version(Some(version))?;
    builder.set_certificate(&*X509::from_der(own.der())?)?;
    builder.set_private_key(&*PKey::private_key_from_pkcs8(&own.key().to_pkcs8())?)?;
    builder.set_curves_list(groups)?;
    builder.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256")?;
    builder.set_tlsext_use_srtp("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM")?;
    builder.set_options(SslOptions::NO_TICKET | SslOptions::NO_QUERY_MTU);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    // As in WebRTC: its hash says whether it is the right certificate, and nothing else does.
    let fingerprint = boring::hash::hash(MessageDigest::sha256(), peer.der())?;
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    builder.set_custom_verify_callback(mode, move |ssl| {
        let shown = ssl
            .peer_certificate()
            .and_then(|shown| shown.digest(MessageDigest::sha256()).ok());
        match shown.is_some_and(|shown| *shown == *fingerprint) {
            true => Ok(()),
            false => Err(SslVerifyError::Invalid(SslAlert::BAD_CERTIFICATE)),
        }
    });
    Ok(builder.build())
}

impl Ends for Contexts {
    fn connect(&mut self) -> Result<Box<dyn subject::Pair>, String> {
        let (client_end, server_end) = End::pair();
        let wires = [client_end.outgoing.clone(), server_end.outgoing.clone()];
        let mut client = Half::Before(start(&self.client)?.setup_connect(client_end));
        let mut server = Half::Before(start(&self.server)?.setup_accept(server_end));
        loop {
            client = client.go_on()?;
            server = server.go_on()?;
            if let (Half::Connected(client), Half::Connected(server)) = (&client, &server)
                && wires.iter().all(|wire| wire.borrow().is_empty())
            {
                let mut key = [0; 60];
                for end in [client, server] {
                    end.ssl()
                        .export_keying_material(&mut key, "EXTRACTOR-dtls_srtp", None)
                        .map_err(|error| error.to_string())?;
                }
                break;
            }
        }
        match (client, server) {
            (Half::Connected(client), Half::Connected(server)) => Ok(Box::new(Pair { client, server, wires })),
            _ => Err("not connected".into()),
        }
    }
}

fn start(context: &SslContext) -> Result<Ssl, String> {
    let mut ssl = Ssl::new(context).map_err(|error| error.to_string())?;
    ssl.set_mtu(1200).map_err(|error| error.to_string())?;
    Ok(ssl)
}

enum Half {
    Before(MidHandshakeSslStream<End>),
    Connected(SslStream<End>),
}

impl Half {
    /// As far as it gets with what has come.
    fn go_on(self) -> Result<Self, String> {
        match self {
            Self::Before(handshake) => match handshake.handshake() {
                Ok(stream) => Ok(Self::Connected(stream)),
                Err(HandshakeError::WouldBlock(handshake)) => Ok(Self::Before(handshake)),
                Err(error) => Err(error.to_string()),
            },
            Self::Connected(mut stream) => match stream.ssl_read(&mut [0; 16]) {
                Err(error) if error.code() == ErrorCode::WANT_READ => Ok(Self::Connected(stream)),
                Err(error) => Err(error.to_string()),
                Ok(_) => Err("data before its time".into()),
            },
        }
    }
}

struct Pair {
    client: SslStream<End>,
    server: SslStream<End>,
    wires: [Rc<RefCell<Wire>>; 2],
}

impl subject::Pair for Pair {
    fn protect(&mut self, payload: &[u8]) -> Result<(), String> {
        let sent = self.client.ssl_write(payload).map_err(|error| error.to_string())?;
        (sent == payload.len())
            .then_some(())
            .ok_or_else(|| "not written".into())
    }

    fn unprotect(&mut self, length: usize) -> Result<(), String> {
        let received = self
            .server
            .ssl_read(&mut [0; 2048])
            .map_err(|error| error.to_string())?;
        (received == length).then_some(()).ok_or_else(|| "not read".into())
    }

    fn sent(&self) -> (usize, usize) {
        let wires = self.wires.each_ref().map(|wire| wire.borrow());
        (
            wires.iter().map(|wire| wire.bytes).sum(),
            wires.iter().map(|wire| wire.datagrams).sum(),
        )
    }
}
