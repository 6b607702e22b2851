//! Packets at random, of all shapes that there are.

use pollrtc_crypto::Rng;

/// Which header extensions packets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extensions {
    All,
    /// Those of RFC 8285 alone, without padding between elements.
    Elements,
}

/// An RTP packet with this sequence number: sources, extensions, padding.
pub(crate) fn rtp(rng: &mut Rng, ssrc: u32, sequence_number: u16, extensions: Extensions) -> Vec<u8> {
    let sources = [0, 0, 0, 1, 2, 15][rng.below(6) as usize];
    let mut packet = vec![0x80 | sources, rng.u32() as u8];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend(rng.array::<4>());
    packet.extend(ssrc.to_be_bytes());
    for _ in 0..sources {
        packet.extend(rng.array::<4>());
    }
    if rng.below(3) > 0 {
        packet[0] |= 0x10;
        packet.extend(extension(rng, extensions));
    }
    let len = [0, 1, 15, 16, 17, 100, 1200][rng.below(7) as usize];
    let payload = packet.len();
    packet.resize(payload + len, 0);
    rng.fill(&mut packet[payload..]);
    if len > 0 && rng.below(4) == 0 {
        packet[0] |= 0x20;
        *packet.last_mut().unwrap() = 1 + rng.below(len.min(255) as u32) as u8;
    }
    packet
}

/// A header extension: elements in either form, or some other profile's words.
fn extension(rng: &mut Rng, extensions: Extensions) -> Vec<u8> {
    let mut body = Vec::new();
    let (kinds, padding) = match extensions {
        Extensions::All => (4, 3),
        Extensions::Elements => (3, 1),
    };
    let profile: u16 = match rng.below(kinds) {
        0 | 1 => {
            for _ in 0..rng.below(6) {
                let (id, len) = (1 + rng.below(14) as u8, 1 + rng.below(16) as u8);
                body.push(id << 4 | (len - 1));
                body.extend((0..len).map(|_| rng.u32() as u8));
                body.resize(body.len() + rng.below(padding) as usize, 0);
            }
            0xbede
        }
        2 => {
            for _ in 0..rng.below(6) {
                let (id, len) = (1 + rng.below(255) as u8, rng.below(40) as u8);
                body.extend([id, len]);
                body.extend((0..len).map(|_| rng.u32() as u8));
                body.resize(body.len() + rng.below(padding) as usize, 0);
            }
            0x1000
        }
        _ => {
            body.extend(rng.array::<12>());
            0x1234
        }
    };
    body.resize(body.len().next_multiple_of(4), 0);
    let words = (body.len() / 4) as u16;
    [&profile.to_be_bytes(), &words.to_be_bytes(), &body[..]].concat()
}

/// A compound RTCP packet: a report, and something behind it.
pub(crate) fn rtcp(rng: &mut Rng, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    for _ in 0..rng.below(4) {
        let words = rng.below(60);
        packet.extend([0x81, 206, 0, words as u8]);
        for _ in 0..words {
            packet.extend(rng.array::<4>());
        }
    }
    packet
}
