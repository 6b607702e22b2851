//! Those who call an echo peer over UDP on the loopback interface: a polite one, and four who are not. Each brings the program
//! to its end, which has to be a good one.

use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pollrtc::{ChannelId, ChannelSendError, Clock, Config, Datagram, Event, Message, PeerConnection, StateMachine};

/// What a program does with an answer.
pub(crate) type SendAnswer = Box<dyn FnOnce(String) + Send>;

/// How long any step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: usize = 1024 * 1024;
/// More than an echo peer can keep that sends nothing back: 16 MiB wait to be sent, and 2 MiB are in the window of its caller.
const TOO_MUCH: usize = 19 * MIB;

/// Each caller calls the program, in turn.
pub(crate) fn call<P>(program: P)
where
    P: Fn(Config, String, SendAnswer) -> Result<(), Box<dyn Error>> + Clone + Send + 'static,
{
    talks_and_hangs_up(program.clone());
    announces_a_gibibyte(program.clone());
    floods_and_reads_later(program.clone());
    floods_and_hangs_up_behind_a_closed_window(program.clone());
    vanishes_behind_a_closed_window(program.clone());
    vanishes(program);
}

fn talks_and_hangs_up<P: Program>(program: P) {
    let mut caller = Caller::new(program, Config::default(), Config::default());
    caller.exchange((0..200).map(|index| match index % 2 {
        0 => Message::from(format!("message {index}")),
        _ => Message::from(vec![index as u8; index * 20]),
    }));
    caller.hang_up();
}

/// As Firefox does; and it takes what it says.
fn announces_a_gibibyte<P: Program>(program: P) {
    let config = Config::default();
    let longest = config.max_message_size;
    let mut caller = Caller::new(program, config.with_max_message_size(1024 * MIB), Config::default());
    caller.exchange((0..20).map(|index| Message::from(vec![index; longest])));
    caller.hang_up();
}

fn floods_and_reads_later<P: Program>(program: P) {
    let mut caller = Caller::new(program, Config::default(), Config::default());
    let (mut sent, mut next) = (0, 0);
    let mut flood = |caller: &mut Caller| {
        while caller.say(Message::from(vec![sent as u8; 200_000])) {
            sent += 1;
        }
        caller.left(sent * 200_000) > TOO_MUCH
    };
    caller.until(|caller| flood(caller));
    caller.until(|caller| {
        while let Some(event) = caller.peer.poll_event() {
            if let Event::Message { data, .. } = event {
                assert_eq!(data, Message::from(vec![next as u8; 200_000]), "message {next}");
                next += 1;
            }
        }
        next == sent
    });
    caller.hang_up();
}

fn floods_and_hangs_up_behind_a_closed_window<P: Program>(program: P) {
    // A goodbye may get lost where so much is on its way.
    let mut caller = Caller::new(program, Config::default(), impatient());
    caller.flood();
    caller.hang_up();
}

fn vanishes_behind_a_closed_window<P: Program>(program: P) {
    let mut caller = Caller::new(program, Config::default(), impatient());
    caller.flood();
    caller.vanish();
}

fn vanishes<P: Program>(program: P) {
    let mut caller = Caller::new(program, Config::default(), impatient());
    caller.exchange([Message::from("hello")].into_iter());
    caller.vanish();
}

/// Long enough to connect, short enough for a test.
fn impatient() -> Config {
    let config = Config::default().with_failed_timeout(Duration::from_secs(8));
    config.with_close_timeout(Duration::from_millis(500))
}

pub(crate) trait Program:
    FnOnce(Config, String, SendAnswer) -> Result<(), Box<dyn Error>> + Send + 'static
{
}
impl<P: FnOnce(Config, String, SendAnswer) -> Result<(), Box<dyn Error>> + Send + 'static> Program for P {}

struct Caller {
    clock: Clock,
    socket: UdpSocket,
    peer: PeerConnection,
    channel: ChannelId,
    buf: Vec<u8>,
    /// How the program ends.
    end: mpsc::Receiver<Result<(), String>>,
}

impl Caller {
    /// Connected to the program, which runs in a thread of its own.
    fn new(program: impl Program, ours: Config, theirs: Config) -> Self {
        let clock = Clock::new();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut peer = PeerConnection::new(ours);
        peer.add_local_address(clock.now(), socket.local_addr().unwrap())
            .unwrap();
        let channel = peer.create_data_channel("echo").unwrap();
        let offer = peer.offer(clock.now()).unwrap();
        let (send_answer, answer) = mpsc::channel();
        let (send_end, end) = mpsc::channel();
        thread::spawn(move || {
            let send_answer: SendAnswer = Box::new(move |answer| send_answer.send(answer).unwrap());
            let ended = program(theirs, offer, send_answer).map_err(|error| error.to_string());
            // Nobody waits for it if the test has failed already.
            let _ = send_end.send(ended);
        });
        let answer = answer.recv_timeout(PATIENCE).unwrap();
        peer.accept_answer(clock.now(), &answer).unwrap();
        let mut caller = Self {
            clock,
            socket,
            peer,
            channel,
            buf: vec![0; 65_536],
            end,
        };
        caller.until(|caller| {
            let event = caller.peer.poll_event();
            matches!(event, Some(Event::ChannelOpen { .. }))
        });
        caller
    }

    /// Goes on until something is the case.
    fn until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = self.clock.now() + PATIENCE;
        while !is_so(self) {
            assert!(self.clock.now() < deadline, "it takes too long");
            if let Ok(end) = self.end.try_recv() {
                panic!("the program has ended before its time: {end:?}");
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit(self.clock.now(), &mut self.buf) {
            let sent = self.socket.send_to(&self.buf[..transmit.len], transmit.flow.remote());
            sent.unwrap();
        }
        let wait = self.clock.until(self.peer.poll_timeout()).unwrap_or(PATIENCE);
        self.socket
            .set_read_timeout(Some(wait.min(Duration::from_millis(20))))
            .unwrap();
        match self.socket.recv_from(&mut self.buf) {
            Ok((len, from)) => {
                let datagram = Datagram::udp(from, &mut self.buf[..len]);
                self.peer.handle_datagram(self.clock.now(), datagram);
            }
            Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {}
            Err(error) => panic!("{error}"),
        }
        self.peer.handle_timeout(self.clock.now());
    }

    /// False if there is no room.
    fn say(&mut self, message: Message) -> bool {
        match self.peer.send(self.channel, message) {
            Ok(()) => true,
            Err(ChannelSendError::BufferFull { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// How much of what was sent has left.
    fn left(&self, sent: usize) -> usize {
        sent - self.peer.buffered_amount(self.channel)
    }

    /// Says all this, and hears it again in the same order.
    fn exchange(&mut self, messages: impl Iterator<Item = Message> + Clone) {
        let mut unsaid = messages.clone().peekable();
        let mut unheard = messages.peekable();
        self.until(|caller| {
            while let Some(message) = unsaid.peek()
                && caller.say(message.clone())
            {
                unsaid.next();
            }
            while let Some(event) = caller.peer.poll_event() {
                if let Event::Message { data, .. } = event {
                    assert!(unheard.next() == Some(data), "another message comes back");
                }
            }
            unheard.peek().is_none()
        });
    }

    /// Sends more than the program can send back, and takes none of it.
    fn flood(&mut self) {
        let mut sent = 0;
        self.until(|caller| {
            while caller.say(Message::from(vec![7; 200_000])) {
                sent += 200_000;
            }
            caller.left(sent) > TOO_MUCH
        });
    }

    fn hang_up(mut self) {
        self.peer.close(self.clock.now());
        while let Some(transmit) = self.peer.poll_transmit(self.clock.now(), &mut self.buf) {
            let sent = self.socket.send_to(&self.buf[..transmit.len], transmit.flow.remote());
            sent.unwrap();
        }
        assert_eq!(self.end.recv_timeout(PATIENCE).unwrap(), Ok(()), "after a goodbye");
    }

    /// Says nothing any more.
    fn vanish(self) {
        assert_eq!(self.end.recv_timeout(PATIENCE).unwrap(), Ok(()), "after a silence");
    }
}
