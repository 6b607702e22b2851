//! Payload formats: what codecs put between the RTP header and their own bytes.

mod av1;
mod common;
mod corpus;
mod depacketizer;
mod frames;
mod h264;
mod h265;
mod loss;
mod marks;
mod opus;
mod patch;
mod round_trip;
mod stream;
mod vp8;
mod vp9;
mod whole;
