//! The end of the program: who asks for it, and how it is told.

use std::io;

use tokio::sync::watch;

/// Waits for whoever ends the program: Ctrl-C, and on Unix SIGTERM.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = self.terminate.recv() => Ok(()),
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }
}

/// Told once that the program ends.
#[derive(Clone, Debug)]
pub(super) struct Ending(watch::Receiver<bool>);

/// Who tells it.
#[derive(Debug)]
pub(super) struct End(watch::Sender<bool>);

pub(super) fn ending() -> (End, Ending) {
    let (sender, receiver) = watch::channel(false);
    (End(sender), Ending(receiver))
}

impl End {
    pub(super) fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Ending {
    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Once it has begun.
    pub(super) async fn begun(&mut self) {
        // Without anybody who could tell, the program is over as well.
        let _ = self.0.wait_for(|has_begun| *has_begun).await;
    }
}
