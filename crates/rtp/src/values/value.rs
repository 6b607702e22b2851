//! What all values have in common.

use crate::extension::Extension;

/// The value of a header extension, as a type.
pub trait HeaderExtension<'d>: Sized {
    /// Which extension's value it is.
    const KIND: Extension;

    /// Reads a value; `None` if it is malformed, and then the packet is to be treated as if it had none.
    fn parse(value: &'d [u8]) -> Option<Self>;

    /// The bytes that it takes.
    fn encoded_len(&self) -> usize;

    /// Writes it to the front of `buf`; how many bytes it has, or `None` if there is no room.
    fn write_to(&self, buf: &mut [u8]) -> Option<usize>;
}

/// Puts bytes to the front of a buffer.
pub(super) fn put(bytes: &[u8], buf: &mut [u8]) -> Option<usize> {
    buf.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(bytes.len())
}
