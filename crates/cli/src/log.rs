//! What happens, told on standard error to whoever asks with `-v`.

use tracing::level_filters::LevelFilter;

/// From now on; how often `-v` was given decides how much.
pub(crate) fn begin(verbose: u8) {
    let most = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(most)
        .with_target(verbose > 1)
        .with_writer(std::io::stderr)
        // A log that nobody takes any more ends nothing.
        .log_internal_errors(false)
        .init();
}
