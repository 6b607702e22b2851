//! The machine that comes with the simulator keeps the laws that the simulator relies on.

use pollrtc_core::laws::Laws;
use pollrtc_netsim::Socket;

use crate::common::addr;

#[test]
fn socket_keeps_the_laws() {
    Laws::of(Socket::new)
        .against(Socket::new)
        .verb(|socket, _, length| socket.send(addr("192.0.2.2:6000"), &vec![1; 1 + length as usize % 2000]))
        .verb(|socket, _, _| drop(socket.recv()))
        .memory(Socket::waiting, 65_536)
        .check();
}
