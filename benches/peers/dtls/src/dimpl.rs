//! dimpl.

use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output};
use dtls_measure::measure::Kind;
use dtls_measure::subject::{self, Ends};
use dtls_measure::wire::Wire;
use pollrtc_crypto::{Certificate, Rng, default_provider};

pub(crate) struct Configs {
    config: Arc<Config>,
    certificates: [DtlsCertificate; 2],
    kind: Kind,
    now: Instant,
}

impl Configs {
    pub(crate) fn new(kind: Kind) -> Result<Self, String> {
        let mut rng = Rng::from_os();
        let mut generate = || {
            let certificate = Certificate::generate(default_provider(), &mut rng).map_err(|error| error.to_string())?;
            Ok::<_, String>(DtlsCertificate {
                certificate: certificate.der().to_vec(),
                private_key: certificate.key().to_pkcs8().to_vec(),
            })
        };
        let certificates = [generate()?, generate()?];
        let config = Config::builder()
            .use_server_cookie(false)
            .kx_groups(&[NamedGroup::X25519])
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            config: Arc::new(config),
            certificates,
            kind,
            now: Instant::now(),
        })
    }

    fn end(&self, index: usize) -> Dtls {
        let certificate = self.certificates[index].clone();
        match self.kind {
            Kind::V12 => Dtls::new_12(self.config.clone(), certificate, self.now),
            Kind::V13 | Kind::V13Hybrid => Dtls::new_13(self.config.clone(), certificate, self.now),
        }
    }
}

impl Ends for Configs {
    fn connect(&mut self) -> Result<Box<dyn subject::Pair>, String> {
        let mut pair = Pair {
            client: self.end(0),
            server: self.end(1),
            there: Wire::default(),
            back: Wire::default(),
        };
        pair.client.set_active(true);
        for end in [&mut pair.client, &mut pair.server] {
            end.handle_timeout(self.now).map_err(|error| error.to_string())?;
        }
        let (mut client, mut server) = (Told::default(), Told::default());
        loop {
            let before = pair.there.datagrams + pair.back.datagrams;
            drain(&mut pair.client, &mut pair.there, &mut client);
            deliver(&mut pair.there, &mut pair.server)?;
            drain(&mut pair.server, &mut pair.back, &mut server);
            deliver(&mut pair.back, &mut pair.client)?;
            if pair.there.datagrams + pair.back.datagrams == before {
                break;
            }
        }
        let is_done = |told: &Told| told.is_connected && told.has_key;
        match is_done(&client) && is_done(&server) {
            true => Ok(Box::new(pair)),
            false => Err("not connected".into()),
        }
    }
}

/// What came out beside datagrams.
#[derive(Default)]
struct Told {
    is_connected: bool,
    has_key: bool,
    bytes: usize,
}

fn drain(from: &mut Dtls, wire: &mut Wire, told: &mut Told) {
    let mut buf = [0; 2048];
    loop {
        match from.poll_output(&mut buf) {
            Output::Packet(packet) => wire.send(packet),
            Output::Timeout(_) => break,
            Output::Connected => told.is_connected = true,
            Output::KeyingMaterial(..) => told.has_key = true,
            Output::ApplicationData(data) => told.bytes += data.len(),
            _ => {}
        }
    }
}

fn deliver(wire: &mut Wire, to: &mut Dtls) -> Result<(), String> {
    while let Some(handled) = wire.receive(|datagram| to.handle_packet(datagram)) {
        handled.map_err(|error| error.to_string())?;
    }
    Ok(())
}

struct Pair {
    client: Dtls,
    server: Dtls,
    there: Wire,
    back: Wire,
}

impl subject::Pair for Pair {
    fn protect(&mut self, payload: &[u8]) -> Result<(), String> {
        self.client
            .send_application_data(payload)
            .map_err(|error| error.to_string())?;
        drain(&mut self.client, &mut self.there, &mut Told::default());
        Ok(())
    }

    fn unprotect(&mut self, length: usize) -> Result<(), String> {
        let server = &mut self.server;
        let handled = self.there.receive(|datagram| server.handle_packet(datagram));
        handled.ok_or("nothing came")?.map_err(|error| error.to_string())?;
        let mut told = Told::default();
        drain(&mut self.server, &mut self.back, &mut told);
        (told.bytes == length).then_some(()).ok_or_else(|| "not opened".into())
    }

    fn sent(&self) -> (usize, usize) {
        (
            self.there.bytes + self.back.bytes,
            self.there.datagrams + self.back.datagrams,
        )
    }
}
