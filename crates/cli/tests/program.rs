//! The program as its user starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
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
        let args = [&["serve", "--http", "127.0.0.1:0", "--bind", "127.0.0.1"], more].concat();
        let mut program = pollrtc(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
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
    let address = server.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request =
        "POST /offer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let mut status = String::new();
    BufReader::new(socket).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 413 "), "{status:?}");
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
    for file in ["/style.css", "/app.js", "/link.js"] {
        assert_eq!(server.get(file).0, 200, "{file}");
    }
    assert!(page.contains("/app.js") && page.contains("/style.css"));
    assert!(
        !page.contains("https://") && !page.contains("src=\"http"),
        "nothing is loaded from elsewhere"
    );

    let other_site = ureq::post(format!("{}/call", server.url)).header("origin", "http://example.com");
    let refused = other_site
        .config()
        .http_status_as_error(false)
        .build()
        .send_empty()
        .unwrap();
    assert_eq!(refused.status().as_u16(), 403);
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
