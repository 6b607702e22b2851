//! Files that are played to a server, and what is recorded of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use pollrtc::{Config, Direction, Event, Frame, MediaKind, RtpCapabilities, WriteError};
use pollrtc_tokio::Endpoint;
use serde_json::{Value, json};

fn pollrtc(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollrtc"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `pollrtc serve`, until dropped.
struct Server {
    program: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut program = pollrtc(&["serve", "--http", "127.0.0.1:0", "--bind", "127.0.0.1"])
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http"));
        let url = url.expect("a URL").to_owned();
        Self { program, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A directory of its own, empty.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // There is one only if the test ran before.
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?} {said}"))
}

fn noise(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 7 + number * 13) % 251) as u8 | 1).collect()
}

/// How long frames are: a byte or two, a packet, many packets.
fn size(number: usize) -> usize {
    [60, 1_000, 1_150, 1_200, 30_000, 12][number % 6]
}

/// Frames as encoders make them: the first one is a key frame.
fn pictures(codec: &str) -> Vec<Vec<u8>> {
    let of = |number: usize| {
        let mut bytes = noise(number, size(number));
        let is_key = number == 0;
        match codec {
            "vp8" => {
                bytes[0] = if is_key { 0x10 } else { 0x11 };
                if is_key {
                    bytes[3..10].copy_from_slice(&[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]); // 320 by 240
                }
            }
            "vp9" => bytes[0] = if is_key { 0x80 } else { 0x84 },
            "av1" => {
                let sequence: &[u8] = if is_key { &[0x0a, 2, 1, 2] } else { &[] };
                let mut len = Vec::new();
                let mut rest = bytes.len();
                while rest >= 128 {
                    len.push(rest as u8 | 0x80);
                    rest >>= 7;
                }
                len.push(rest as u8);
                bytes = [sequence, &[0x32], &len, &bytes].concat();
            }
            _ => {
                bytes[0] = if is_key { 0x65 } else { 0x61 };
                bytes[1] = 0x9b; // the first macroblock is the first one of the picture
                let parameters: &[u8] = &[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce];
                let parameters = if is_key { parameters } else { &[] };
                bytes = [parameters, &[0, 0, 0, 1], &bytes].concat();
            }
        }
        bytes
    };
    (0..40).map(of).collect()
}

/// 100 pictures each second.
fn ivf(fourcc: &[u8; 4], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [
        &b"DKIF\0\0\x20\0"[..],
        fourcc,
        &[0x40, 1, 0xf0, 0],
        &[100, 0, 0, 0, 1, 0, 0, 0],
    ]
    .concat();
    file.resize(32, 0);
    for (frame, number) in frames.iter().zip(0_u64..) {
        let delimiter: &[u8] = if fourcc == b"AV01" { &[0x12, 0] } else { &[] };
        file.extend(((delimiter.len() + frame.len()) as u32).to_le_bytes());
        file.extend(number.to_le_bytes());
        file.extend(delimiter);
        file.extend(frame);
    }
    file
}

/// The times and frames of a file, whose header is that of a whole one.
fn frames_of(file: &[u8], fourcc: &[u8; 4]) -> Vec<(u64, Vec<u8>)> {
    assert_eq!((&file[..8], &file[8..12]), (&b"DKIF\0\0\x20\0"[..], &fourcc[..]));
    let mut frames = Vec::new();
    let mut rest = &file[32..];
    while let [l0, l1, l2, l3, after @ ..] = rest {
        let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        let at = u64::from_le_bytes(after[..8].try_into().unwrap());
        frames.push((at, after[8..8 + len].to_vec()));
        rest = &after[8 + len..];
    }
    assert_eq!(file[24..28], (frames.len() as u32).to_le_bytes());
    frames
}

/// Packets of 20 ms.
fn sounds() -> Vec<Vec<u8>> {
    let of = |number: usize| {
        let mut bytes = noise(number, 20 + number * 5);
        bytes[0] = 0x78; // CELT, 20 ms, one frame
        bytes
    };
    (0..40).map(of).collect()
}

fn opus(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = PacketWriter::new(Vec::new());
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    let page = PacketWriteEndInfo::EndPage;
    file.write_packet(head, 9, page, 0).unwrap();
    file.write_packet(b"OpusTags\0\0\0\0\0\0\0\0".to_vec(), 9, page, 0)
        .unwrap();
    for (packet, number) in packets.iter().zip(1..) {
        let info = match number % 7 {
            0 => PacketWriteEndInfo::EndPage,
            _ if number as usize == packets.len() => PacketWriteEndInfo::EndStream,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        file.write_packet(packet.clone(), 9, info, 312 + 960 * number).unwrap();
    }
    file.into_inner()
}

/// The packets of a file behind its headers, and where its last page ends.
fn packets_of(file: &Path) -> (Vec<Vec<u8>>, u64) {
    let mut reader = PacketReader::new(std::fs::File::open(file).unwrap());
    let mut all = Vec::new();
    let mut end = 0;
    while let Some(packet) = reader.read_packet().unwrap() {
        end = packet.absgp_page();
        all.push(packet.data);
    }
    assert!(all[0].starts_with(b"OpusHead") && all[1].starts_with(b"OpusTags"));
    (all.split_off(2), end)
}

#[test]
fn what_is_played_comes_back_and_is_recorded_as_it_was() {
    let server = Server::start();
    let files = directory("played");
    let codecs: [(&str, &str, &[u8; 4]); 5] = [
        ("opus", "ogg", b"    "),
        ("vp8", "ivf", b"VP80"),
        ("vp9", "ivf", b"VP90"),
        ("av1", "ivf", b"AV01"),
        ("h264", "h264", b"    "),
    ];
    let players: Vec<_> = codecs
        .iter()
        .map(|(codec, extension, fourcc)| {
            let bytes = match *codec {
                "opus" => opus(&sounds()),
                "h264" => pictures(codec).concat(),
                _ => ivf(fourcc, &pictures(codec)),
            };
            let path = files.join(format!("sent-{codec}.{extension}"));
            std::fs::write(&path, bytes).unwrap();
            let out = directory(&format!("echo-{codec}"));
            let (path, record) = (path.display().to_string(), out.display().to_string());
            let args = [
                "play",
                &path,
                &server.url,
                "--bind",
                "127.0.0.1",
                "--fps",
                "100",
                "--record",
                &record,
            ];
            (pollrtc(&args).spawn().unwrap(), out)
        })
        .collect();
    for ((player, out), (codec, extension, fourcc)) in players.into_iter().zip(codecs) {
        let report = report(&player.wait_with_output().unwrap());
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(report["frames"], 40, "{report}");
        assert_eq!(report["files"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["files"][0]["frames"], 40, "{report}");
        let came = out.join(format!("0-{codec}.{extension}"));
        assert_eq!(report["files"][0]["file"], came.display().to_string());
        match codec {
            "opus" => {
                let (packets, end) = packets_of(&came);
                assert!(packets == sounds());
                assert_eq!(end, 3_840 + 40 * 960);
            }
            "h264" => assert!(std::fs::read(&came).unwrap() == pictures(codec).concat()),
            _ => {
                let frames = frames_of(&std::fs::read(&came).unwrap(), fourcc);
                assert_eq!(frames.len(), 40);
                for (((at, bytes), sent), number) in frames.iter().zip(pictures(codec)).zip(0..) {
                    let bytes = bytes
                        .strip_prefix(&[0x12, 0])
                        .filter(|_| codec == "av1")
                        .unwrap_or(bytes);
                    assert!(bytes == sent, "{codec}: picture {number}");
                    assert_eq!(*at, 900 * number, "{codec}: 90 kHz");
                }
            }
        }
    }
}

#[test]
fn who_gives_a_file_that_is_none_is_told_what_to_do() {
    let files = directory("refused");
    let refused = |name: &str, bytes: &[u8], expected: &str| {
        let path = files.join(name);
        std::fs::write(&path, bytes).unwrap();
        let output = pollrtc(&["play", &path.display().to_string(), "http://127.0.0.1:1"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = report(&output)["error"].to_string();
        assert!(error.contains(expected), "{name}: {error}");
    };
    refused("empty", b"", "neither Ogg");
    refused("text", b"hello", "neither Ogg");
    refused("short.ivf", b"DKIF", "cut off");
    refused("theora.ivf", &ivf(b"THEO", &[]), "THEO");
    refused("whole.ivf", &ivf(b"VP80", &pictures("vp8")), "127.0.0.1:1");
    let output = pollrtc(&["record", "http://127.0.0.1:1", "--out", "/nowhere"])
        .output()
        .unwrap();
    assert!(report(&output)["error"].to_string().contains("--out"));
}

/// Answers one offer, and sends pictures and sound to whoever made it, until it has gone.
async fn send_to_whoever_asks(listener: TcpListener) {
    let endpoint = Endpoint::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let config = Config::default()
        .with_audio(RtpCapabilities::of(MediaKind::Audio))
        .with_video(RtpCapabilities::of(MediaKind::Video))
        .with_offered_direction(Direction::SendRecv);
    let peer = endpoint.peer(config);
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
    let offer: Value = serde_json::from_slice(&body).unwrap();
    let answer = peer.accept_offer(offer["sdp"].as_str().unwrap()).await.unwrap();
    let body = json!({ "type": "answer", "sdp": answer }).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all((head + &body).as_bytes()).unwrap();
    let streams: Vec<_> = peer.with(|peer, _| {
        let all = peer.transceivers().iter();
        all.map(|each| (each.kind(), peer.outgoing_of(each.id()).next().unwrap()))
            .collect()
    });
    // The other end of DTLS is a little later, and what comes before that is lost: also the only key frame.
    while !matches!(peer.next_event().await, None | Some(Event::Secured { .. })) {}
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (pictures, sounds) = (pictures("vp8"), sounds());
    let mut sent = [0, 0];
    for _ in 0..1000 {
        for ((kind, to), sent) in streams.iter().zip(&mut sent) {
            let frames = match kind {
                MediaKind::Audio => &sounds,
                MediaKind::Video => &pictures,
            };
            let Some(frame) = frames.get(*sent) else { continue };
            match peer.with(|peer, now| peer.write_frame(now, *to, &Frame::new(frame, now))) {
                Err(WriteError::NotReady) => {}
                written => {
                    assert_eq!(written, Ok(()));
                    *sent += 1;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if sent == [40, 40] {
            break;
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    peer.close();
    while !matches!(peer.next_event().await, None | Some(Event::Closed(_))) {}
    endpoint.close().await;
}

/// A server that sends by itself, and ends the connection: then the files are whole.
#[test]
fn record_writes_what_a_server_sends_until_it_ends() {
    let out = directory("recorded");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/offer", listener.local_addr().unwrap());
    let args = [
        "record",
        &url,
        "--bind",
        "127.0.0.1",
        "--out",
        &out.display().to_string(),
    ];
    let recorder = pollrtc(&args).spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(send_to_whoever_asks(listener));
    let output = recorder.wait_with_output().unwrap();
    let report = report(&output);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(output.status.code(), Some(0));
    let mut files: Vec<PathBuf> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_by_key(|path| path.extension().unwrap().to_owned());
    let [video, audio] = &files[..] else {
        panic!("{files:?}")
    };
    let frames = frames_of(&std::fs::read(video).unwrap(), b"VP80");
    let bytes: Vec<_> = frames.into_iter().map(|(_, bytes)| bytes).collect();
    assert!(bytes == pictures("vp8"));
    assert!(packets_of(audio).0 == sounds());
}

/// Ctrl-C is the usual end: what was recorded is whole.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_files() {
    let server = Server::start();
    let files = directory("interrupted");
    let path = files.join("long.ivf");
    // Nobody waits for all of it.
    let long: Vec<_> = (0..100).flat_map(|_| pictures("vp8")).collect();
    std::fs::write(&path, ivf(b"VP80", &long)).unwrap();
    let (path, record) = (path.display().to_string(), files.display().to_string());
    let player = pollrtc(&["play", &path, &server.url, "--bind", "127.0.0.1", "--record", &record])
        .spawn()
        .unwrap();
    let came = files.join("0-vp8.ivf");
    for _ in 0..600 {
        if came.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let pid = player.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let report = report(&player.wait_with_output().unwrap());
    assert_eq!(report["ok"], true, "{report}");
    let frames = frames_of(&std::fs::read(&came).unwrap(), b"VP80");
    assert!(frames.len() > 5 && frames.len() < 1000, "{}", frames.len());
    assert_eq!(report["files"][0]["frames"], frames.len());
}
