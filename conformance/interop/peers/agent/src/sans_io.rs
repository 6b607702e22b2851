//! Stacks that own neither sockets nor clocks: a thread with a socket for each connection.

use std::collections::HashMap;
use std::error::Error;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{ChannelInit, Command, Message, Record, Reply, bind_address, serve};

/// How soon a command is noticed.
const TURN: Duration = Duration::from_millis(5);
const MAX_DATAGRAM: usize = 2048;
/// What a datagram of the DTLS handshake begins with (RFC 5246 §6.2.1, RFC 7983 §7).
const HANDSHAKE: u8 = 22;
/// And one with application data, once there are keys: DTLS 1.2's, or anything of DTLS 1.3 (RFC 9147 §4).
const APPLICATION_DATA: u8 = 23;
const UNIFIED: RangeInclusive<u8> = 32..=63;

/// One connection of a stack.
pub trait Stack: Sized {
    const NAME: &'static str;
    const VERSION: &'static str;

    /// `dtls`: the role to take in an answer, `client` or `server`, if it can be told.
    fn new(now: Instant, local: SocketAddr, dtls: &str) -> Result<Self, Box<dyn Error>>;
    fn open(&mut self, now: Instant, init: &ChannelInit) -> Result<(), Box<dyn Error>>;
    fn offer(&mut self, now: Instant) -> Result<String, Box<dyn Error>>;
    fn answer(&mut self, now: Instant, offer: &str) -> Result<String, Box<dyn Error>>;
    fn accept(&mut self, now: Instant, answer: &str) -> Result<(), Box<dyn Error>>;
    /// False if there is no room for the message now.
    fn send(&mut self, now: Instant, label: &str, message: &Message) -> Result<bool, Box<dyn Error>>;
    fn close(&mut self, now: Instant, label: &str) -> Result<(), Box<dyn Error>>;
    fn end(&mut self, now: Instant) -> Result<(), Box<dyn Error>>;
    fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) -> Result<(), Box<dyn Error>>;
    fn timeout(&mut self, now: Instant) -> Result<(), Box<dyn Error>>;
    /// Sends what there is to send and records what has happened; when to call `timeout`.
    fn drain(
        &mut self,
        record: &mut Record,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Result<Option<Instant>, Box<dyn Error>>;
}

/// A command, and where its reply goes.
type Order = (Command, Sender<Result<serde_json::Value, String>>);

/// The whole program.
pub fn run<S: Stack>() {
    let address = bind_address();
    let mut connections: HashMap<String, Sender<Order>> = HashMap::new();
    serve(S::NAME, S::VERSION, |command| {
        if command.verb() == "create" {
            let (orders, taken) = channel();
            connections.insert(command.connection().to_owned(), orders);
            std::thread::spawn(move || drive::<S>(address, command.text("dtls"), &taken));
            return Ok(json!({}));
        }
        let orders = connections.get(command.connection()).ok_or("no such connection")?;
        let (reply, replied) = channel();
        orders.send((command, reply)).map_err(|_| "the connection has ended")?;
        Ok(replied.recv().map_err(|_| "the connection's thread has panicked")??)
    });
}

/// Until the program ends.
fn drive<S: Stack>(address: IpAddr, dtls: &str, orders: &Receiver<Order>) {
    let socket = UdpSocket::bind((address, 0)).expect("a socket");
    let local = socket.local_addr().expect("its address");
    let mut stack = S::new(Instant::now(), local, dtls).expect("a connection");
    let mut record = Record::default();
    loop {
        for (command, reply) in orders.try_iter() {
            let done = carry_out(&mut stack, &mut record, &command);
            let _ = reply.send(done.map_err(|error| error.to_string()));
        }
        let turn = if record.error.is_none() {
            turn(&mut stack, &mut record, &socket)
        } else {
            std::thread::sleep(TURN);
            Ok(())
        };
        if let Err(error) = turn {
            record.connection = "failed";
            record.error = Some(error.to_string());
        }
    }
}

fn carry_out<S: Stack>(stack: &mut S, record: &mut Record, command: &Command) -> Reply {
    let now = Instant::now();
    let label = command.text("label");
    match command.verb() {
        "open" => {
            stack.open(now, &command.channel_init())?;
            record.channel(label);
            record.sent_since_open = 0;
        }
        "offer" => return Ok(json!({ "sdp": stack.offer(now)? })),
        "answer" => return Ok(json!({ "sdp": stack.answer(now, command.text("sdp"))? })),
        "accept" => stack.accept(now, command.text("sdp"))?,
        "send" => record.channel(label).waiting.extend(command.messages()),
        "close" => {
            record.channel(label).state = "closing";
            stack.close(now, label)?;
        }
        "state" => return Ok(record.to_json()),
        "end" => stack.end(now)?,
        other => return Err(format!("{other} is not implemented").into()),
    }
    Ok(json!({}))
}

fn turn<S: Stack>(stack: &mut S, record: &mut Record, socket: &UdpSocket) -> Result<(), Box<dyn Error>> {
    // What can't be sent is lost, as datagrams may be.
    let mut is_answered = false;
    let mut data_sent = 0;
    let mut send = |to: SocketAddr, datagram: &[u8]| {
        match datagram.first() {
            Some(&HANDSHAKE) => is_answered = true,
            Some(kind) if *kind == APPLICATION_DATA || UNIFIED.contains(kind) => data_sent += 1,
            _ => {}
        }
        drop(socket.send_to(datagram, to));
    };
    for (label, channel) in &mut record.channels {
        while let Some(message) = channel.waiting.front() {
            if channel.state != "open" || !stack.send(Instant::now(), label, message)? {
                break;
            }
            channel.sent.push(message.digest());
            channel.waiting.pop_front();
        }
    }
    let deadline = stack.drain(record, &mut send)?;
    record.sent_since_open += data_sent;
    if is_answered {
        record.unanswered = 0;
    }
    let wait = deadline.map_or(TURN, |deadline| deadline.saturating_duration_since(Instant::now()));
    socket.set_read_timeout(Some(wait.clamp(Duration::from_micros(1), TURN)))?;
    let mut buf = [0; MAX_DATAGRAM];
    match socket.recv_from(&mut buf) {
        Ok((len, source)) => {
            record.unanswered += usize::from(buf[0] == HANDSHAKE);
            stack.receive(Instant::now(), source, &mut buf[..len])
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            stack.timeout(Instant::now())
        }
        // The peer's socket is gone (ICMP).
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error.into()),
    }
}
