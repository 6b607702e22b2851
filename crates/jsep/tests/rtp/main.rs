//! What RTP sections negotiate: codecs, header extensions, feedback, layers.

mod answers;
mod browsers;
mod codecs;
mod extensions;
mod hostile;
mod layers;
mod properties;
mod reading;
mod reoffers;
mod sources;
mod support;
