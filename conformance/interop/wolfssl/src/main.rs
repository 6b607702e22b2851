//! Our DTLS against wolfSSL's, both versions, both roles, with ids of several lengths in each direction; and a
//! client of wolfSSL that goes on from another port.

use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use pollrtc_core::{Clock, Flow, InnerProtocol, Standalone, StateMachine};
use pollrtc_crypto::{Certificate, NamedGroup, Rng, default_provider};
use pollrtc_dtls::{
    CipherSuite, ClientCertificates, CloseReason, Config, Connection, ConnectionIdPolicy, Event, PeerVerification,
    Versions, connection_id,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Case {
    version: &'static str,
    suite: Option<CipherSuite>,
    /// Lengths of the ids that we and wolfSSL want to be sent; `None`: we don't speak of ids.
    ours: Option<u8>,
    theirs: u8,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [peer, certificate, key] = &arguments[..] else {
        eprintln!("usage: pollrtc-wolfssl PEER CERTIFICATE KEY");
        return ExitCode::from(2);
    };
    let mut is_good = true;
    for case in cases() {
        let as_server = serve(&case, peer);
        let as_client = connect(&case, peer, certificate, key);
        for (role, result) in [("server", as_server), ("client", as_client)] {
            let (version, theirs) = (case.version, case.theirs);
            let ours = case.ours.map_or("null".into(), |length| length.to_string());
            let suite = case.suite.map_or("any", CipherSuite::name);
            let result = match result {
                Ok(()) => "\"ok\"".into(),
                Err(error) => {
                    is_good = false;
                    format!("{:?}", error.to_string())
                }
            };
            println!(
                r#"{{"dtls": "{version}", "role": "{role}", "suite": "{suite}", "ours": {ours}, "theirs": {theirs}, "result": {result}}}"#
            );
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in ["1.2", "1.3"] {
        // wolfSSL takes no more than ten bytes, but for those that it sends in DTLS 1.3.
        let longest = if version == "1.2" { 10 } else { 255 };
        for (ours, theirs) in [
            (Some(8), 5),
            (Some(1), 10),
            (Some(longest), 1),
            (Some(8), 0),
            (Some(0), 5),
            (None, 5),
        ] {
            cases.push(Case {
                version,
                suite: None,
                ours,
                theirs,
            });
        }
    }
    for suite in CipherSuite::ALL {
        if suite.name().contains("RSA") {
            continue;
        }
        let version = if suite.name().contains("ECDHE") { "1.2" } else { "1.3" };
        cases.push(Case {
            version,
            suite: Some(suite),
            ours: Some(8),
            theirs: 5,
        });
    }
    cases
}

fn config(case: &Case, certificate: Option<Certificate>) -> Config {
    let mut config = Config::new(certificate, PeerVerification::AcceptAny);
    config.client_certificates = ClientCertificates::NotRequested;
    config.cookies = pollrtc_dtls::Cookies::Off;
    config.versions = if case.version == "1.2" {
        Versions::Dtls12
    } else {
        Versions::Dtls13
    };
    config.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    if let Some(suite) = case.suite {
        config.cipher_suites = vec![suite];
    }
    config.connection_ids = case.ours.map(|length| match length.try_into() {
        Ok(length) => ConnectionIdPolicy::Random { length },
        Err(_) => ConnectionIdPolicy::SendOnly,
    });
    config
}

/// The id that the line of the peer tells, which must be the one that we wanted.
fn check_line(line: &str, connection: &Connection, case: &Case) -> Result<()> {
    let (_, told) = line.trim_end_matches('\n').split_once(' ').unwrap_or_default();
    let wanted = connection.connection_ids().next().unwrap_or_default();
    let wanted: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
    if told != wanted {
        return Err(format!("wolfSSL sends with {told}, we want {wanted}").into());
    }
    let expected = if case.ours.is_some() {
        usize::from(case.theirs)
    } else {
        0
    };
    if connection.peer_connection_id() != vec![b'w'; expected] {
        return Err("we send with another id than wolfSSL wants".into());
    }
    Ok(())
}

/// A payload that came, from where, and whether nothing newer has come before.
struct Payload {
    from: Flow,
    is_newest: bool,
    bytes: Vec<u8>,
}

/// Sends everything that is to be sent, and takes one datagram; tells what it held.
fn step(alone: &mut Standalone<Connection>, socket: &UdpSocket, clock: &Clock) -> Result<Vec<Payload>> {
    let mut buf = [0; 2048];
    while let Some(transmit) = alone.poll_transmit(clock.now(), &mut buf) {
        socket.send_to(&buf[..transmit.len], transmit.flow.remote())?;
    }
    let connection = &mut alone.inner;
    let wait = clock
        .until(connection.poll_timeout())
        .unwrap_or(Duration::from_millis(100));
    socket.set_read_timeout(Some(wait.min(Duration::from_millis(100))))?;
    match socket.recv_from(&mut buf) {
        Ok((length, from)) => {
            let expected = connection.connection_ids().next().map(<[u8]>::to_vec);
            if let Some(expected) = expected {
                let found = connection_id(&buf[..length], expected.len() as u8);
                if found.is_some_and(|found| found != expected) {
                    return Err("an id that is none of ours".into());
                }
            }
            let received = connection.handle_body(clock.now(), &mut buf[..length]);
            let is_newest = received.is_newest();
            let payload = |payload: &mut [u8]| Payload {
                from: Flow::udp(from),
                is_newest,
                bytes: payload.to_vec(),
            };
            Ok(received.map(payload).collect())
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            connection.handle_timeout(clock.now());
            Ok(Vec::new())
        }
        // The peer's old port is gone.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// We are the server; the client has a message echoed, goes to another port, and has another one echoed.
fn serve(case: &Case, peer: &str) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port().to_string();
    let mut child = Command::new(peer)
        .args(["client", case.version, &port, &case.theirs.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut buf = [0; 2048];
    socket.set_read_timeout(Some(PATIENCE))?;
    let (_, home) = socket.peek_from(&mut buf).map_err(|_| "nothing came")?;
    let mut rng = Rng::from_os();
    let certificate = Certificate::generate(default_provider(), &mut rng)?;
    let connection = Connection::server(config(case, Some(certificate)), rng).unwrap();
    let home = Flow::udp(home);
    let mut connection = Standalone::new(connection, home);
    let (clock, start) = (Clock::new(), Instant::now());
    let mut echoed = Vec::new();
    let mut moved = None;
    let mut checked = Ok(());
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let has_ids = case.ours.is_some_and(|length| length > 0);
    'all: loop {
        if start.elapsed() > PATIENCE {
            child.kill()?;
            return Err(format!("too slow: {:?}", connection.inner.stats()).into());
        }
        for payload in step(&mut connection, &socket, &clock)? {
            if echoed.is_empty() {
                let mut line = String::new();
                out.read_line(&mut line)?;
                checked = check_line(&line, &connection.inner, case);
            } else if payload.is_newest != has_ids {
                return Err("with an id, and only so, it is known where the client is".into());
            } else {
                moved = Some(payload.from);
                connection.set_flow(payload.from);
            }
            connection.inner.send(&payload.bytes)?;
            echoed.push(payload.bytes);
        }
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Closed(CloseReason::Remote) => break 'all,
                Event::Closed(reason) => return Err(reason.into()),
                _ => {}
            }
        }
    }
    checked?;
    if echoed != [&b"from here"[..], b"from another port"] {
        return Err("not all was echoed".into());
    }
    if moved.is_none_or(|to| to == home) {
        return Err("the move was missed".into());
    }
    child
        .wait()?
        .success()
        .then_some(())
        .ok_or_else(|| "wolfSSL failed".into())
}

/// We are the client.
fn connect(case: &Case, peer: &str, certificate: &str, key: &str) -> Result<()> {
    let mut child = Command::new(peer)
        .args(["server", case.version, &case.theirs.to_string(), certificate, key])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    let remote = SocketAddr::from(([127, 0, 0, 1], line.trim().parse()?));
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let connection = Connection::client(config(case, None), Rng::from_os()).unwrap();
    let mut connection = Standalone::new(connection, Flow::udp(remote));
    let (clock, start) = (Clock::new(), Instant::now());
    let messages: [&[u8]; 3] = [b"x", &[7; 1000], b"the last one"];
    let mut echoed = 0;
    let result = 'all: loop {
        if start.elapsed() > PATIENCE {
            break Err(format!("too slow: {:?}", connection.inner.stats()).into());
        }
        for payload in step(&mut connection, &socket, &clock)? {
            if payload.bytes != messages[echoed] {
                break 'all Err("another echo".into());
            }
            echoed += 1;
            match messages.get(echoed) {
                Some(next) => connection.inner.send(next)?,
                None => break 'all Ok(()),
            }
        }
        while let Some(event) = connection.poll_event() {
            match event {
                Event::Connected { .. } => connection.inner.send(messages[0])?,
                Event::Closed(reason) => break 'all Err(reason.into()),
                _ => {}
            }
        }
    };
    let result = result.and_then(|()| {
        let mut line = String::new();
        out.read_line(&mut line)?;
        check_line(&line, &connection.inner, case)?;
        connection.inner.close(clock.now());
        step(&mut connection, &socket, &clock)?;
        child
            .wait()?
            .success()
            .then_some(())
            .ok_or_else(|| "wolfSSL failed".into())
    });
    let _ = child.kill();
    result
}
