use std::error::Error;

use pollrtc::{Config, Event};
use pollrtc_tokio::Endpoint;

/// Answers an offer, then sends every message back, until the other side closes.
pub(crate) async fn echo(
    endpoint: &Endpoint,
    offer: &str,
    send_answer: impl FnOnce(String),
) -> Result<(), Box<dyn Error>> {
    let peer = endpoint.peer(Config::default());
    send_answer(peer.accept_offer(offer).await?);
    while let Some(event) = peer.next_event().await {
        if let Event::Message { channel, data } = event {
            peer.send(channel, data).await?; // waits while the other side is slow
        }
    }
    Ok(())
}
