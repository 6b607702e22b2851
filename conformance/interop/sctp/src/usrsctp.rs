//! usrsctp, which Firefox had for long and libdatachannel has. All its associations share one clock,
//! so that of a play is counted from where the one before has left it.
#![expect(unsafe_code, reason = "it is C")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{c_int, c_long, c_void};
use std::time::Duration;

use bytes::Bytes;

use crate::stack::{BUFFER, Delivery, End, MAX_PACKET, Stack, Told};

/// How often its own thread would look at its timers; it can't tell when the next one is due.
const TICK: Duration = Duration::from_millis(10);

type OnPacket = extern "C" fn(*mut c_void, *const u8, usize);

#[repr(C)]
#[derive(Default)]
struct Notified {
    done: i32,
    failed: i32,
    incoming: i32,
    closed: i32,
    lost: i32,
}

unsafe extern "C" {
    fn shim_init(on_packet: OnPacket);
    fn shim_set_now(microseconds: u64);
    fn shim_tick(milliseconds: u32);
    fn shim_open(endpoint: *mut c_void, mtu: u32, buffer: c_int) -> *mut c_void;
    fn shim_connect(socket: *mut c_void, endpoint: *mut c_void) -> c_int;
    fn shim_connected(socket: *mut c_void) -> c_int;
    fn shim_send(
        socket: *mut c_void,
        bytes: *const u8,
        len: usize,
        stream: u16,
        unordered: c_int,
        retransmissions: c_int,
    ) -> c_int;
    fn shim_receive(
        socket: *mut c_void,
        bytes: *mut u8,
        room: usize,
        stream: *mut u16,
        ended: *mut c_int,
        told: *mut Notified,
    ) -> c_long;
    fn shim_input(endpoint: *mut c_void, packet: *const u8, len: usize);
    fn shim_reset(socket: *mut c_void, stream: u16) -> c_int;
    fn shim_shutdown(socket: *mut c_void);
    fn shim_close(socket: *mut c_void, endpoint: *mut c_void);
}

/// What is one for the whole library.
#[derive(Default)]
struct Library {
    begun: bool,
    now: Duration,
    ticked: Duration,
    /// Packets with the endpoint that they come from.
    packets: Vec<(usize, Bytes)>,
}

thread_local! {
    static LIBRARY: RefCell<Library> = RefCell::default();
}

extern "C" fn on_packet(endpoint: *mut c_void, packet: *const u8, len: usize) {
    // SAFETY: the shim passes on what the library wants to send, which is readable for this call.
    let packet = unsafe { std::slice::from_raw_parts(packet, len) };
    LIBRARY.with_borrow_mut(|library| {
        library
            .packets
            .push((endpoint as usize, Bytes::copy_from_slice(packet)));
    });
}

pub(crate) struct Endpoint {
    socket: *mut c_void,
    /// Its address in the library's sense: any that is ours alone.
    address: Box<u64>,
    began: Duration,
    connected: bool,
    part: Vec<u8>,
    notified: Notified,
    messages: VecDeque<(u16, Bytes)>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        let began = LIBRARY.with_borrow_mut(|library| {
            if !std::mem::replace(&mut library.begun, true) {
                // SAFETY: once, before any other call.
                unsafe { shim_init(on_packet) };
            }
            library.packets.clear();
            library.now + Duration::from_secs(1)
        });
        let address = Box::new(0);
        // SAFETY: the address outlives the socket, see `drop`.
        let socket = unsafe { shim_open(endpoint_of(&address), MAX_PACKET, BUFFER as c_int) };
        Self {
            socket,
            address,
            began,
            connected: false,
            part: Vec::new(),
            notified: Notified::default(),
            messages: VecDeque::new(),
        }
    }

    fn endpoint(&self) -> *mut c_void {
        endpoint_of(&self.address)
    }

    fn read(&mut self) {
        let mut buf = vec![0; 64 * 1024];
        loop {
            let (mut stream, mut ended) = (0, 0);
            // SAFETY: the buffer is as long as it says, and all else is ours.
            let len = unsafe {
                shim_receive(
                    self.socket,
                    buf.as_mut_ptr(),
                    buf.len(),
                    &raw mut stream,
                    &raw mut ended,
                    &raw mut self.notified,
                )
            };
            let Ok(len) = usize::try_from(len) else { return };
            self.part.extend_from_slice(&buf[..len]);
            if ended != 0 {
                let message = std::mem::take(&mut self.part);
                self.messages.push_back((stream, message.into()));
            }
        }
    }
}

fn endpoint_of(address: &u64) -> *mut c_void {
    std::ptr::from_ref(address).cast_mut().cast()
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // SAFETY: the socket is open, and nothing of it is used any more.
        unsafe { shim_close(self.socket, self.endpoint()) };
    }
}

impl Stack for Endpoint {
    fn connect(&mut self) {
        // SAFETY: the socket is open.
        let error = unsafe { shim_connect(self.socket, self.endpoint()) };
        assert_eq!(error, 0, "usrsctp does not connect");
    }

    fn advance(&mut self, now: Duration) {
        let now = self.began + now;
        let due = LIBRARY.with_borrow_mut(|library| {
            library.now = library.now.max(now);
            let behind = library.now.saturating_sub(library.ticked);
            let ticks = (behind.as_millis() / TICK.as_millis()) as u32;
            library.ticked += TICK * ticks;
            ticks
        });
        // SAFETY: neither touches memory of ours but through `on_packet`.
        unsafe {
            shim_set_now(now.as_micros() as u64);
            (0..due).for_each(|_| shim_tick(TICK.as_millis() as u32));
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let at = LIBRARY.with_borrow(|library| library.ticked + TICK);
        Some(at.saturating_sub(self.began))
    }

    fn input(&mut self, packet: Bytes) {
        // SAFETY: the packet is readable for this call.
        unsafe { shim_input(self.endpoint(), packet.as_ptr(), packet.len()) };
    }

    fn output(&mut self) -> Vec<Bytes> {
        let own = self.endpoint() as usize;
        LIBRARY.with_borrow_mut(|library| {
            let all = std::mem::take(&mut library.packets);
            let (ours, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(from, _)| *from == own);
            library.packets = others;
            ours.into_iter().map(|(_, packet)| packet).collect()
        })
    }

    fn is_connected(&mut self) -> bool {
        // SAFETY: the socket is open.
        self.connected |= unsafe { shim_connected(self.socket) } != 0;
        self.connected
    }

    fn send(&mut self, stream: u16, message: &Bytes, delivery: Delivery) -> bool {
        let retransmissions = delivery.retransmissions.map_or(-1, c_int::from);
        let unordered = c_int::from(!delivery.ordered);
        // SAFETY: the message is readable for this call.
        let taken = unsafe {
            shim_send(
                self.socket,
                message.as_ptr(),
                message.len(),
                stream,
                unordered,
                retransmissions,
            )
        };
        taken != 0
    }

    fn receive(&mut self) -> Option<(u16, Bytes)> {
        self.read();
        self.messages.pop_front()
    }

    fn reset(&mut self, stream: u16) -> bool {
        // SAFETY: the socket is open.
        unsafe { shim_reset(self.socket, stream) != 0 }
    }

    fn shutdown(&mut self) {
        // SAFETY: the socket is open.
        unsafe { shim_shutdown(self.socket) };
    }

    fn told(&mut self) -> Told {
        self.read();
        let count = |told: i32| u32::try_from(told).unwrap_or_default();
        Told {
            resets_done: count(self.notified.done),
            resets_failed: count(self.notified.failed),
            resets_of_peer: count(self.notified.incoming),
            end: match (self.notified.closed, self.notified.lost) {
                (0, 0) => None,
                (_, 0) => Some(End::InOrder),
                _ => Some(End::Lost("communication lost".into())),
            },
        }
    }
}
