//! The machine that comes with the simulator keeps the laws that the simulator relies on.

use pollrtc_core::laws::Laws;
use pollrtc_core::{Framing, Protocol};
use pollrtc_netsim::Socket;

use crate::common::addr;

const FRAMINGS: [Framing; 2] = [Framing::Rfc4571, Framing::Stun];

#[test]
fn socket_keeps_the_laws() {
    Laws::of(Socket::new)
        .against(Socket::new)
        .verb(|socket, _, length| socket.send(addr("192.0.2.2:6000"), &vec![1; 1 + length as usize % 2000]))
        .verb(|socket, _, _| drop(socket.recv()))
        .verb(|socket, _, choice| {
            socket.connect(Protocol::Tcp, addr("192.0.2.2:443"), FRAMINGS[choice as usize % 2]);
        })
        .verb(|socket, _, length| {
            if let Some(stream) = socket.stream() {
                socket.send_on(stream, &vec![1; length as usize % 2000 + 1]);
                socket.close(stream);
            }
        })
        .memory(Socket::waiting, 65_536)
        .check();
}
