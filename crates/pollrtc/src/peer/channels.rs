//! What an application does with its data channels.

use pollrtc_jsep::SignalingState;
use pollrtc_sctp::channel::{ChannelId, ChannelInfo, ChannelInit, ChannelSendError, ChannelState, Message, OpenError};

use super::connection::PeerConnection;

impl PeerConnection {
    /// A data channel of ours; it opens when the connection does, or soon after. A label is enough,
    /// [`ChannelInit`] says more. The first one needs an offer, if the peer does not make one.
    ///
    /// # Errors
    ///
    /// If the label or protocol is too long, the id is taken, the connection has ended, or
    /// [all channels are being closed](Self::close_data_channels).
    pub fn create_data_channel(&mut self, init: impl Into<ChannelInit>) -> Result<ChannelId, OpenError> {
        let channel = self.sctp.channels.open(init.into())?;
        self.negotiator.add_data_channels();
        self.transports.gather(self.now);
        Ok(channel)
    }

    /// Closes all data channels, and gives their section up with the next description: the peer is
    /// told with an [`offer`](Self::offer). Once it has agreed, their transport is closed unless
    /// other sections share it, with whatever had not arrived until then, while this connection stays: the next
    /// channel and offer bring a new section.
    pub fn close_data_channels(&mut self) {
        let exchange_under_way = self.negotiator.signaling_state() != SignalingState::Stable;
        let described = exchange_under_way || self.negotiator.data_channels().is_some();
        self.negotiator.stop_data_channels();
        if described {
            self.sctp.channels.close_all_channels();
        } else {
            self.sctp.channels.new_association(self.rng.fork());
        }
    }

    /// Sends a message on an open channel. It waits inside until the peer has room.
    ///
    /// # Errors
    ///
    /// If the channel is not open, the message is larger than [can ever be sent](Self::max_message_size), or too much waits
    /// already: then wait for [`Event::ChannelWritable`](crate::Event::ChannelWritable) of this channel and try again.
    /// Nothing is queued then. It comes as soon as the message fits, and others are refused until then, so that nobody
    /// waits for ever; if the connection ends, [`Event::ChannelClosed`](crate::Event::ChannelClosed) comes instead.
    pub fn send(&mut self, channel: ChannelId, message: impl Into<Message>) -> Result<(), ChannelSendError> {
        self.sctp.channels.send(channel, message)
    }

    /// The largest message that [`send`](Self::send) ever takes, in bytes (W3C WebRTC §6.1.1, `maxMessageSize`): what the
    /// peer has told to accept, and what [may wait](crate::Config::max_buffered_amount). 65,536 before the peer has told.
    pub fn max_message_size(&self) -> usize {
        self.sctp.channels.max_message_size()
    }

    /// How long a message may be that [`send`](Self::send) takes now, in bytes, as far as room for it goes. Who
    /// sends what they receive takes no event while that is less than the
    /// [longest message](crate::Config::max_message_size) that may come: what they don't take closes its sender's window.
    pub fn send_room(&self) -> usize {
        self.sctp.channels.send_room()
    }

    /// From now on the messages of a channel are no [events](crate::Event::Message), but are taken with
    /// [`take_message`](Self::take_message): for channels that have readers of their own, of whom one that is slow does not
    /// keep others from what is theirs. All channels share the receive window all the same: who takes nothing at all
    /// closes it for all in the end.
    pub fn detach_channel(&mut self, channel: ChannelId) {
        self.sctp.channels.detach(channel);
    }

    /// The next message of a [detached](Self::detach_channel) channel, also when it is closed by now.
    pub fn take_message(&mut self, channel: ChannelId) -> Option<Message> {
        self.sctp.channels.take_message(channel)
    }

    /// Nobody takes the messages of a channel any more: those that have come and those that come are dropped.
    pub fn discard_messages(&mut self, channel: ChannelId) {
        self.sctp.channels.discard_messages(channel);
    }

    /// Closes a channel, once what was sent on it has arrived.
    pub fn close_channel(&mut self, channel: ChannelId) {
        self.sctp.channels.close_channel(channel);
    }

    /// How many bytes wait to be sent on a channel (W3C WebRTC §6.2, `bufferedAmount`).
    pub fn buffered_amount(&self, channel: ChannelId) -> usize {
        self.sctp.channels.buffered_amount(channel)
    }

    /// At how many waiting bytes [`Event::BufferedAmountLow`](crate::Event::BufferedAmountLow) comes; zero unless told.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelId, bytes: usize) {
        self.sctp.channels.set_buffered_amount_low_threshold(channel, bytes);
    }

    /// What is known of a channel: label, protocol, order, reliability. `None` once it is closed.
    pub fn channel_info(&self, channel: ChannelId) -> Option<&ChannelInfo> {
        self.sctp.channels.info(channel)
    }

    /// Whether a channel connects, is open, closes or is closed.
    pub fn channel_state(&self, channel: ChannelId) -> ChannelState {
        self.sctp.channels.state(channel)
    }
}
