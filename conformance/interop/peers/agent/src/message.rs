//! Messages that every agent makes alike.

use sha2::{Digest, Sha256};

/// Text or bytes.
#[derive(Clone, Debug)]
pub struct Message {
    pub is_text: bool,
    pub content: Vec<u8>,
}

/// The first characters of a text that has room for them: two, three and four bytes long.
const LONG_CHARACTERS: &str = "é€𝄞";

impl Message {
    /// The message with this place in a row: text if that is even, bytes if it is odd. No two blocks of 256 bytes are alike
    /// within 64 KiB, so that swapped fragments show.
    pub fn new(seed: usize, index: usize, size: usize) -> Self {
        let at = |place: usize| seed + index + place + (place >> 8);
        if index % 2 == 1 {
            let content = (0..size).map(|place| at(place) as u8).collect();
            return Self {
                is_text: false,
                content,
            };
        }
        let mut content: Vec<u8> = (0..size).map(|place| b'a' + (at(place) % 26) as u8).collect();
        if let Some(start) = content.get_mut(..LONG_CHARACTERS.len()) {
            start.copy_from_slice(LONG_CHARACTERS.as_bytes());
        }
        Self { is_text: true, content }
    }

    /// What it is recognised by: the first 8 bytes of the SHA-256 of its kind and content, in hex.
    pub fn digest(&self) -> String {
        let kind: &[u8] = if self.is_text { b"t" } else { b"b" };
        let hash = Sha256::new().chain_update(kind).chain_update(&self.content).finalize();
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
