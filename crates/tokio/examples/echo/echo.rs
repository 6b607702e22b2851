use std::error::Error;

use pollrtc::{Config, Event};
use pollrtc_tokio::Endpoint;

/// Answers an offer, then sends every message back, until the other side closes or is gone.
pub(crate) async fn echo(
    endpoint: &Endpoint,
    config: Config,
    offer: &str,
    send_answer: impl FnOnce(String),
) -> Result<(), Box<dyn Error>> {
    let peer = endpoint.peer(config);
    send_answer(peer.accept_offer(offer).await?);
    while let Some(event) = peer.next_event().await {
        if let Event::Message { channel, data } = event {
            // Waits while the other side is slow. Refused if the channel is closed by now, or the other side takes no
            // message of this length.
            let _ = peer.send(channel, data).await;
        }
    }
    Ok(())
}
