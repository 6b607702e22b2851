//! Conferences: each member has one connection, to this server, which forwards what the others send.
//!
//! `GET /conference?name=ROOM&as=NAME` is a WebSocket. The member offers once, what it sends; from then on the server
//! offers: a section for each stream of each other member, which it stops when that one leaves, and uses again for the
//! next. There is no trickle: every SDP holds all its candidates.
//!
//! | the member says | |
//! |---|---|
//! | `{"type":"offer","sdp":..}` | what it sends, with layers of simulcast if it can; `{"type":"answer",..}` comes back |
//! | `{"type":"answer","sdp":..}` | to an offer of the server's |
//! | `{"type":"want","widths":{MID:PIXELS,..},"limit":BITS}` | how wide each picture is shown, 0 for not at all, and how many bits a second all of them may have; no limit unless told |
//! | `{"type":"sending","widths":[PIXELS,..]}` | how wide its own layers are, from the smallest on |
//! | `{"type":"devices","microphone":BOOL,"camera":BOOL}` | what others are told of it |
//! | `{"type":"restart"}` | the next offer restarts ICE |
//!
//! | the server says | |
//! |---|---|
//! | `{"type":"offer","sdp":..}`, `{"type":"answer","sdp":..}` | |
//! | `{"type":"people","people":[{"id":..,"name":..,"microphone":..,"camera":..,"streams":[{"mid":..,"kind":..,"layer":..,"layers":..}]}]}` | who else is here and what comes of each: the layer from 0, the smallest, or null as long as none does |
//! | `{"type":"refused","error":..}` | an offer or an answer that could not be taken |

mod choice;
mod forwarding;
mod room;
mod signaling;
#[cfg(test)]
mod tests;

pub(super) use room::Conferences;
pub(super) use signaling::enter;
