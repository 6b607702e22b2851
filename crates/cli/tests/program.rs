//! The program as its user starts it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn pollrtc(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollrtc"));
    command.args(args);
    command
}

/// `pollrtc serve` on a port of its own, until dropped.
struct Server {
    program: Child,
    url: String,
}

impl Server {
    fn start(more: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", more)
    }

    fn start_on(http: &str, more: &[&str]) -> Self {
        let args = [&["serve", "--http", http, "--bind", "127.0.0.1"], more].concat();
        let mut command = pollrtc(&args);
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http"));
        let url = url.unwrap_or_else(|| panic!("no URL in {line:?}")).to_owned();
        Self { program, url }
    }

    /// Status and JSON of the response.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_text(path, "application/json", &body.to_string())
    }

    fn post_text(&self, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let request = ureq::post(format!("{}{path}", self.url)).header("content-type", kind);
        let mut response = request.config().http_status_as_error(false).build().send(body).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    fn get(&self, path: &str) -> (u16, String) {
        let request = ureq::get(format!("{}{path}", self.url));
        let mut response = request.config().http_status_as_error(false).build().call().unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    fn delete(&self, path: &str) -> u16 {
        let request = ureq::delete(format!("{}{path}", self.url));
        request
            .config()
            .http_status_as_error(false)
            .build()
            .call()
            .unwrap()
            .status()
            .as_u16()
    }

    fn stats(&self) -> Value {
        serde_json::from_str(&self.get("/stats").1).unwrap()
    }

    /// Waits until the statistics are as they should be.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !holds(&self.stats()) {
            assert!(Instant::now() < until, "{what}: {}", self.stats());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the program to end, with that signal; its exit code, and what it said.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.program.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = self.program.wait().unwrap();
        let mut said = String::new();
        self.program.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.code(), said)
    }

    fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    fn connect(&self, more: &[&str]) -> (Option<i32>, Value) {
        let args = [&["connect", &self.url, "--bind", "127.0.0.1"], more].concat();
        let output = pollrtc(&args).output().unwrap();
        (output.status.code(), serde_json::from_str(&text(&output)).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn connect_gets_every_echo_from_serve() {
    let server = Server::start(&[]);
    for (messages, size) in [("300", "1024"), ("10", "200000"), ("3", "0")] {
        let (code, report) = server.connect(&["--messages", messages, "--size", size]);
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(report["echoed"].to_string(), messages);
    }
}

/// Something between client and server that sends a request again, since the answer took too long: the client
/// gets the answer of this number. Both answers.
fn post_twice(server: &Server, listener: &TcpListener, used: usize) -> [Value; 2] {
    let (socket, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let offer = serde_json::from_slice(&body).unwrap();
    let answers = [0, 1].map(|_| {
        let (status, answer) = server.post("/offer", &offer);
        assert_eq!(status, 200, "{answer}");
        std::thread::sleep(Duration::from_millis(300));
        answer
    });
    let body = answers[used].to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all((head + &body).as_bytes()).unwrap();
    answers
}

#[test]
fn of_two_sessions_of_one_offer_the_one_whose_answer_is_used_stays() {
    for used in [0, 1] {
        let server = Server::start(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/offer", listener.local_addr().unwrap());
        let client = pollrtc(&["connect", &url, "--bind", "127.0.0.1", "--messages", "20000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = post_twice(&server, &listener, used);
        let session = |number: usize| format!("/session?id={}", answers[number]["id"]);
        let until = Instant::now() + Duration::from_secs(10);
        while server.get(&session(1 - used)).0 != 404 {
            assert!(Instant::now() < until, "answer {used}: the other session does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(server.get(&session(used)).0, 200);
        let output = client.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "answer {used}: {}", text(&output));
    }
}

#[test]
fn connect_fails_where_nobody_answers() {
    let output = pollrtc(&["connect", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(report["ok"], false);
    assert!(report["error"].is_string(), "{report}");
}

#[test]
fn a_malformed_offer_is_refused_with_line_and_column() {
    let server = Server::start(&[]);
    let (status, answer) = server.post(
        "/offer",
        &json!({ "type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 x\r\nnonsense\r\n" }),
    );
    assert_eq!(status, 400);
    assert_eq!(answer["line"], 3, "{answer}");
    assert!(answer["column"].is_u64() && answer["error"].is_string(), "{answer}");
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let server = Server::start(&[]);
    let offer = json!({ "type": "offer", "sdp": "" });
    let refused = |(status, answer): (u16, Value), expected| {
        assert_eq!(status, expected, "{answer}");
        assert!(answer["error"].is_string(), "{answer}");
    };
    refused(server.post_text("/offer", "application/json", "{"), 400);
    refused(server.post_text("/offer", "text/plain", &offer.to_string()), 415);
    refused(server.post("/offer", &json!({ "sdp": "" })), 422);
    refused(server.post("/offer", &json!({ "type": "answer", "sdp": "" })), 400);
    refused(server.post("/offer?id=1", &offer), 404);
    refused(
        server.post("/answer?id=1", &json!({ "type": "answer", "sdp": "" })),
        404,
    );
    assert_eq!(server.get("/session?id=1").0, 404);
}

/// The refusal comes before the body: who announces too much need not send it, and the server need not wait for it.
#[test]
fn a_body_that_is_too_long_is_refused_unread() {
    let server = Server::start(&[]);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request =
        "POST /offer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let (mut reader, mut head) = (BufReader::new(socket), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head:?}");
    }
    assert!(head.starts_with("HTTP/1.1 413 "), "{head:?}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["error"].is_string(), "{body}");
}

/// A refused offer leaves nothing behind, and a session that is closed makes room for another.
#[test]
fn sessions_are_bounded() {
    let server = Server::start(&["--max-sessions", "2"]);
    for _ in 0..5 {
        assert_eq!(
            server.post("/offer", &json!({ "type": "offer", "sdp": "nonsense" })).0,
            400
        );
    }
    let (status, first) = server.post("/call", &Value::Null);
    assert_eq!((status, &first["type"]), (200, &json!("offer")));
    assert!(
        first["sdp"].as_str().unwrap().contains("\r\na=candidate:"),
        "all candidates are in the SDP"
    );
    assert_eq!(server.post("/call", &Value::Null).0, 200);
    assert_eq!(server.post("/call", &Value::Null).0, 503);

    let session = format!("/session?id={}", first["id"]);
    assert!(server.get(&session).1.contains("state"));
    assert_eq!(server.delete(&session), 204);
    assert_eq!(server.get(&session).0, 404);
    assert_eq!(server.post("/call", &Value::Null).0, 200);
}

#[test]
fn the_page_comes_from_the_program_alone() {
    let server = Server::start(&[]);
    let (status, page) = server.get("/");
    assert_eq!(status, 200);
    for file in ["/style.css", "/app.js", "/link.js", "/page.js", "/sdp.js"] {
        assert_eq!(server.get(file).0, 200, "{file}");
    }
    assert!(page.contains("/app.js") && page.contains("/style.css"));
    assert!(
        !page.contains("https://") && !page.contains("src=\"http"),
        "nothing is loaded from elsewhere"
    );

    let other_site = ureq::post(format!("{}/call", server.url)).header("origin", "http://example.com");
    let mut refused = other_site
        .config()
        .http_status_as_error(false)
        .build()
        .send_empty()
        .unwrap();
    assert_eq!(refused.status().as_u16(), 403);
    let body = refused.body_mut().read_to_string().unwrap();
    assert!(body.starts_with(r#"{"error":"#), "{body}");
}

#[test]
fn loopback_tells_each_step() {
    let args = [
        "loopback",
        "--nat-a",
        "symmetric",
        "--nat-b",
        "full-cone",
        "--loss",
        "0.05",
        "--rtt",
        "100ms",
        "--seed",
        "3",
    ];
    let output = pollrtc(&args).output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for step in [
        "typ srflx",
        "requests sent",
        "ICE: chose the pair",
        "DTLS 1.",
        "the channel is open",
        "1000 of 1000 messages back",
    ] {
        assert!(told.contains(step), "{step:?} is missing in {told}");
    }
}

#[test]
fn loopback_says_where_a_relay_is_needed() {
    let output = pollrtc(&["loopback", "--nat-a", "symmetric", "--nat-b", "port-restricted"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("relay"), "{}", text(&output));
}

/// What goes wrong is what is told, not that nothing came of it in time.
#[test]
fn connect_tells_of_a_message_that_is_too_large() {
    let server = Server::start(&[]);
    let (code, report) = server.connect(&["--messages", "3", "--size", "300000"]);
    assert_eq!(code, Some(1));
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("300000") && error.contains("262144"), "{report}");
}

#[test]
fn connect_tells_that_the_addresses_of_both_sides_do_not_fit() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return; // a machine without IPv6; the unit test shows it there
    }
    let server = Server::start(&[]);
    let output = pollrtc(&["connect", &server.url, "--bind", "::1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("no IPv4 address here"), "{}", text(&output));
}

/// A peer that was told hears it from its own connection: it need not find out by silence, which takes half a minute.
#[cfg(unix)]
#[test]
fn who_ends_the_server_has_it_say_goodbye() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::start(&[]);
        let clients = [0, 1].map(|_| {
            let args = ["connect", &server.url, "--bind", "127.0.0.1", "--messages", "100000000"];
            pollrtc(&args).stdout(Stdio::piped()).spawn().unwrap()
        });
        server.until("two are connected", |stats| stats["sessions"] == 2);
        let session = server.post("/call", &Value::Null).1;
        assert!(session["id"].is_u64(), "one more that does not connect: {session}");
        let (code, said) = server.end(signal);
        assert_eq!(code, Some(0), "{signal}: {said}");
        for client in clients {
            let output = client.wait_with_output().unwrap();
            let report: Value = serde_json::from_str(&text(&output)).unwrap();
            assert_eq!(report["ok"], false, "{signal}: {report}");
            let error = report["error"].as_str().unwrap();
            assert!(error.contains("closed by the peer"), "{signal}: {report}");
        }
    }
}

/// It sends more than comes back to it, and is gone: echoes wait for it that it will never take.
#[cfg(unix)]
#[test]
fn who_vanishes_while_flooding_is_forgotten() {
    let server = Server::start(&["--keep-interrupted", "1"]);
    let at_rest = server.stats();
    let args = [
        "connect",
        &server.url,
        "--bind",
        "127.0.0.1",
        "--messages",
        "100000000",
        "--size",
        "60000",
    ];
    let mut client = pollrtc(&args).stdout(Stdio::null()).spawn().unwrap();
    server.until("one is connected", |stats| stats["sessions"] == 1);
    std::thread::sleep(Duration::from_secs(1));
    client.kill().unwrap();
    client.wait().unwrap();
    server.until("all are forgotten", |stats| {
        ["sessions", "peers", "rooms"].iter().all(|what| stats[what] == 0) && stats["tasks"] == at_rest["tasks"]
    });
}

#[test]
fn every_refusal_is_json() {
    let server = Server::start(&[]);
    let refused = |(status, body): (u16, String), expected: u16| {
        assert_eq!(status, expected, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("not JSON: {body}"));
        assert!(!body["error"].as_str().unwrap().is_empty());
    };
    refused(server.get("/nowhere"), 404);
    refused(server.get("/offer"), 405);
    refused(server.get("/session?id=nonsense"), 400);
    refused(server.get("/ws?room=a"), 400);
    refused(server.get("/ws"), 400);
    refused(server.get(&format!("/ws?room={}", "a".repeat(65))), 400);
    refused(server.get("/qr"), 400);
    refused(server.get(&format!("/qr?text={}", "a".repeat(2000))), 400);
    let (status, body) = server.post("/call?id=1&change=nonsense", &Value::Null);
    assert_eq!(status, 400);
    assert!(body["error"].is_string(), "{body}");
}

#[test]
fn a_name_is_served_on_all_of_its_addresses() {
    let server = Server::start_on("localhost:0", &[]);
    assert!(server.url.starts_with("http://localhost:"), "{}", server.url);
    for address in server.address().to_socket_addrs().unwrap() {
        if TcpListener::bind((address.ip(), 0)).is_ok() {
            TcpStream::connect(address).unwrap();
        }
    }
    assert_eq!(server.get("/").0, 200);
}

#[test]
fn flags_are_checked() {
    for args in [
        &["serve", "--mtu", "575"][..],
        &["serve", "--max-sessions", "0"],
        &["serve", "--max-connections", "0"],
        &["serve", "--routers", "4097"],
        &["serve", "--udp-port", "0"],
        &["serve", "--keep-interrupted", "0"],
        &["serve", "--header-timeout", "0"],
        &["serve", "--public-address", "0.0.0.0"],
        &[
            "serve",
            "--public-address",
            "192.0.2.1",
            "--public-address",
            "192.0.2.2",
        ],
        &["serve", "--tls-cert", "only.pem"],
        &[
            "serve",
            "--tls-cert",
            "/nowhere/cert.pem",
            "--tls-key",
            "/nowhere/key.pem",
        ],
        &["serve", "--http", "localhost"],
        &["serve", "--http", "256.0.0.1:8080"],
        &["serve", "--bind", "127.0.0.1", "--all-interfaces"],
        &["connect", "localhost", "--timeout", "0"],
        &["connect", "localhost", "--mtu", "70000"],
        &["loopback", "--loss", "2"],
    ] {
        let output = pollrtc(args).stdin(Stdio::null()).output().unwrap();
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{args:?}: {:?}",
            output.status
        );
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

/// Neither panics, nor goes on as if it had been read.
#[cfg(target_os = "linux")]
#[test]
fn lost_output_is_an_error() {
    let server = Server::start(&[]);
    for args in [
        &["serve", "--http", "127.0.0.1:0", "--bind", "127.0.0.1"][..],
        &["connect", &server.url, "--bind", "127.0.0.1", "--messages", "1"],
        &["loopback", "--messages", "1"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = pollrtc(args).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("pollrtc: standard output: "), "{args:?}: {said}");
    }
}

#[test]
fn who_never_ends_the_head_of_a_request_is_let_go() {
    let server = Server::start(&["--header-timeout", "1"]);
    for begun in ["", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.write_all(begun.as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut rest = Vec::new();
        socket
            .read_to_end(&mut rest)
            .unwrap_or_else(|error| panic!("{begun:?}: {error}"));
    }
    server.until("none is left but this one", |stats| stats["connections"] == 1);
}

#[test]
fn who_reads_no_answer_is_let_go() {
    let server = Server::start(&["--header-timeout", "1"]);
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    // Requests for more than the buffers between both ends hold, until the server takes no more or lets go.
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(64);
    while socket.write_all(&request).is_ok() {}
    server.until("none is left but this one", |stats| stats["connections"] == 1);
}

#[test]
fn connections_are_bounded() {
    let server = Server::start(&["--max-connections", "1"]);
    let mut first = TcpStream::connect(server.address()).unwrap();
    first.write_all(b"GET /network HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut begin = [0; 12];
    first.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    let mut second = TcpStream::connect(server.address()).unwrap();
    second.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = second.write_all(b"GET /network HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut answer = Vec::new();
    // Closed or reset, but not answered.
    let read = second.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{read:?}, {}", String::from_utf8_lossy(&answer));
    drop(first);
    let until = Instant::now() + Duration::from_secs(30);
    while ureq::get(format!("{}/network", server.url)).call().is_err() {
        assert!(Instant::now() < until, "the place is not free again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_page_is_served_over_tls() {
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("pollrtc-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, pem: String| {
        let path = folder.join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) = (
        file("cert.pem", made.cert.pem()),
        file("key.pem", made.signing_key.serialize_pem()),
    );
    let server = Server::start(&["--tls-cert", &cert, "--tls-key", &key]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(server.address()).unwrap());
    let request = "POST /call HTTP/1.1\r\nhost: localhost\r\norigin: https://localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // The server need not say goodbye to TLS as well.
    let _ = stream.read_to_string(&mut answer);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""type":"offer""#),
        "{answer}"
    );
}

#[test]
fn peers_use_the_port_and_the_kind_of_agent_that_was_asked_for() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(&["--udp-port", &free.to_string(), "--ice-lite"]);
    let offer = server.post("/call", &Value::Null).1;
    let sdp = offer["sdp"].as_str().unwrap();
    assert!(sdp.contains(&format!(" 127.0.0.1 {free} typ host")), "{sdp}");
    assert!(sdp.contains("a=ice-lite\r\n"), "{sdp}");
    let (code, report) = server.connect(&["--messages", "10"]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["path"]["remote"], format!("127.0.0.1:{free}"));
}

#[cfg(unix)]
#[test]
fn what_happens_is_told_to_who_asks() {
    for (verbose, tells) in [(&[][..], false), (&["-v"], true)] {
        let server = Server::start(verbose);
        assert_eq!(server.connect(&["--messages", "1"]).0, Some(0));
        let (code, said) = server.end("-TERM");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said.contains("a session begins"), tells, "{said}");
    }
}

#[test]
fn a_description_is_checked_as_a_peers_would_be() {
    let server = Server::start(&[]);
    let session = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let checked = |sdp: String| server.post("/check", &json!({ "sdp": sdp }));
    assert_eq!(checked(session.into()), (200, json!({ "error": null, "findings": [] })));
    let (_, broken) = checked(format!("{session}nonsense\r\n"));
    assert_eq!(broken["error"]["line"], 5, "{broken}");
    let (_, odd) = checked(format!(
        "{session}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=sctp-port:none\r\n"
    ));
    assert_eq!(
        (&odd["error"], &odd["findings"][0]["line"]),
        (&Value::Null, &json!(7)),
        "{odd}"
    );
}

#[test]
fn other_devices_are_told_where_the_page_is() {
    let server = Server::start(&[]);
    assert_eq!(
        server.get("/network").1,
        r#"{"urls":[]}"#,
        "it serves this machine alone"
    );
    let (status, image) = server.get("/qr?text=http://192.0.2.1:8080/");
    assert_eq!(status, 200);
    assert!(image.contains("<svg"), "{image}");
}
