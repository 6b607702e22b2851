//! Two peers connect and exchange a message in a program without `std`. Exit code 0 if it arrived.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use core::net::SocketAddr;
use core::time::Duration;

use libc_alloc::LibcAlloc;
use pollrtc::{Config, Datagram, Event, Instant, PeerConnection, StateMachine};

#[global_allocator]
static ALLOCATOR: LibcAlloc = LibcAlloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: ends the process, whatever its state.
    unsafe { libc::abort() }
}

/// The compiled `alloc` names the unwinder's hook, although nothing unwinds with `panic = "abort"`.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn main(_argc: i32, _argv: *const *const u8) -> i32 {
    if a_message_arrives().is_some() { 0 } else { 1 }
}

fn a_message_arrives() -> Option<()> {
    let addresses: [SocketAddr; 2] = [([192, 0, 2, 1], 4000).into(), ([192, 0, 2, 2], 5000).into()];
    let mut now = Instant::from_millis(1);
    let peer = |seed: u8| PeerConnection::new(Config::new(pollrtc_crypto::rust_crypto::PROVIDER, [seed; 32]));
    let mut peers = [peer(1), peer(2)];
    for (peer, address) in peers.iter_mut().zip(addresses) {
        peer.add_local_address(now, address).ok()?;
    }
    let [alice, bob] = &mut peers;
    alice.create_data_channel("no std").ok()?;
    let offer = alice.offer(now).ok()?;
    let answer = bob.accept_offer(now, &offer).ok()?;
    alice.accept_answer(now, &answer).ok()?;

    let mut buf = vec![0; 2048];
    for _ in 0..10_000 {
        let [alice, bob] = &mut peers;
        carry(alice, addresses[0], bob, now, &mut buf);
        carry(bob, addresses[1], alice, now, &mut buf);
        while let Some(event) = alice.poll_event() {
            if let Event::ChannelOpen { channel, .. } = event {
                alice.send(channel, "hello").ok()?;
            }
        }
        while let Some(event) = bob.poll_event() {
            if let Event::Message { data, .. } = event {
                return (data.as_text() == Some("hello")).then_some(());
            }
        }
        now += Duration::from_millis(1);
        alice.handle_timeout(now);
        bob.handle_timeout(now);
    }
    None
}

fn carry(from: &mut PeerConnection, address: SocketAddr, to: &mut PeerConnection, now: Instant, buf: &mut [u8]) {
    while let Some(transmit) = from.poll_transmit(now, buf) {
        to.handle_datagram(now, Datagram::udp(address, &mut buf[..transmit.len]));
    }
}
