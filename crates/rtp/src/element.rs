//! Header extensions on the wire (RFC 8285 §4): elements with a number and a value, in one of two forms.

use crate::bytes::Writer;

/// How the elements of a packet's header extension are headed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExtensionForm {
    /// One byte each: numbers 1 to 14, values of 1 to 16 bytes (RFC 8285 §4.2).
    OneByte,
    /// Two bytes each: numbers up to 255, values of 0 to 255 bytes (RFC 8285 §4.3).
    TwoByte,
}

const ONE_BYTE: u16 = 0xbede;
/// The low four bits are the application's.
const TWO_BYTE: u16 = 0x1000;
const APPLICATION_BITS: u16 = 0x000f;
/// In the one-byte form this number ends the list.
const RESERVED_ID: u8 = 15;
const ONE_BYTE_VALUE_MAX: usize = 16;

impl ExtensionForm {
    /// By the word that an extension begins with; `None` for one that is not made of elements (RFC 3550 §5.3.1).
    pub(crate) const fn of_profile(profile: u16) -> Option<Self> {
        match profile {
            ONE_BYTE => Some(Self::OneByte),
            _ if profile & !APPLICATION_BITS == TWO_BYTE => Some(Self::TwoByte),
            _ => None,
        }
    }

    pub(crate) const fn profile(self) -> u16 {
        match self {
            Self::OneByte => ONE_BYTE,
            Self::TwoByte => TWO_BYTE,
        }
    }

    /// Whether an element can be written in this form.
    pub(crate) const fn has_room_for(self, element: &ExtensionElement<'_>) -> bool {
        match self {
            Self::OneByte => element.id < RESERVED_ID && matches!(element.value.len(), 1..=ONE_BYTE_VALUE_MAX),
            Self::TwoByte => element.value.len() <= u8::MAX as usize,
        }
    }

    /// The bytes of an element's number and length.
    pub(crate) const fn header_len(self) -> usize {
        match self {
            Self::OneByte => 1,
            Self::TwoByte => 2,
        }
    }

    /// Writes an element that has room in this form.
    pub(crate) fn write(self, element: &ExtensionElement<'_>, out: &mut Writer<'_>) {
        let len = element.value.len() as u8;
        match self {
            Self::OneByte => out.put_u8(element.id << 4 | len.wrapping_sub(1) & 0x0f),
            Self::TwoByte => out.put(&[element.id, len]),
        }
        out.put(element.value);
    }
}

/// One header extension: a number and a value.
///
/// ```
/// use pollrtc_rtp::{AudioLevel, ExtensionElement};
/// let level = AudioLevel { is_voice: true, level: 30 }.to_bytes();
/// let element = ExtensionElement { id: 3, value: &level };
/// # let _ = element;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtensionElement<'d> {
    /// What number it has between these peers: 1 to 255, without 15.
    pub id: u8,
    /// Its value: at most 255 bytes.
    pub value: &'d [u8],
}

impl ExtensionElement<'_> {
    /// RFC 8285 §4.2: 0 is padding, and 15 ends the list in one form, so that it is used in neither.
    pub(crate) const fn has_valid_id(&self) -> bool {
        !matches!(self.id, 0 | RESERVED_ID)
    }
}

/// What is left to read of the elements of a header extension.
///
/// What is cut off ends the list, and costs nothing but itself (RFC 8285 §4.1.2 would have the whole block ignored;
/// peers that get a length wrong still want their sound heard).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'d> {
    form: ExtensionForm,
    rest: &'d [u8],
}

impl<'d> Elements<'d> {
    #[inline]
    pub(crate) const fn of(form: ExtensionForm, block: &'d [u8]) -> Self {
        Self { form, rest: block }
    }

    /// How many bytes are left.
    #[inline]
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = ExtensionElement<'d>;

    #[inline]
    fn next(&mut self) -> Option<ExtensionElement<'d>> {
        loop {
            let (&head, rest) = self.rest.split_first()?;
            // Padding, also between elements.
            if head == 0 {
                self.rest = rest;
                continue;
            }
            let (id, len, rest) = match self.form {
                // RFC 8285 §4.2: number 15 ends the list, and so does number 0 with a length.
                ExtensionForm::OneByte if matches!(head >> 4, 0 | RESERVED_ID) => {
                    self.rest = &[];
                    return None;
                }
                ExtensionForm::OneByte => (head >> 4, usize::from(head & 0x0f).saturating_add(1), rest),
                ExtensionForm::TwoByte => {
                    let (&len, rest) = rest.split_first()?;
                    (head, usize::from(len), rest)
                }
            };
            let Some((value, rest)) = rest.split_at_checked(len) else {
                self.rest = &[];
                return None;
            };
            self.rest = rest;
            return Some(ExtensionElement { id, value });
        }
    }
}
