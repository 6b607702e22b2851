//! What the program can be told about its connections.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use pollrtc::{Config, DtlsParameters, DtlsRole, KeyLog, MediaKind, NamedGroup, RtpCapabilities, Versions};
use serde_json::{Value, json};

use crate::net;

/// RFC 8489 §18.4: where STUN servers listen.
const STUN_PORT: u16 = 3478;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Who starts the DTLS handshake where the peer leaves the choice to us: we do if active, the peer if passive
    #[arg(long, value_name = "ROLE", value_enum, default_value_t = Role::Active)]
    dtls_role: Role,
    /// The only version of DTLS to speak [default: 1.3, and 1.2 with peers that have no other]
    #[arg(long, value_name = "VERSION", value_enum)]
    dtls_version: Option<Version>,
    /// The groups for DTLS's key exchange, the best first [default: X25519MLKEM768,x25519,secp256r1,secp384r1]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = group)]
    dtls_groups: Vec<NamedGroup>,
    /// How many bytes a UDP datagram may hold, 576 at least
    #[arg(long, value_name = "BYTES", default_value_t = 1200, value_parser = clap::value_parser!(u16).range(576..))]
    mtu: u16,
    /// A STUN server, which tells the address that a NAT gives us; may be given several times
    #[arg(long, value_name = "HOST[:PORT]")]
    stun: Vec<String>,
    /// Adds the secrets of all connections to this file, in the format of SSLKEYLOGFILE: who has it can read
    /// everything that a capture holds
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
    /// Take no audio and no video
    #[arg(long)]
    no_media: bool,
    /// Tells on standard error what happens; more of it if given twice or three times
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Active,
    Passive,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Version {
    #[value(name = "1.2")]
    V12,
    #[value(name = "1.3")]
    V13,
}

fn group(name: &str) -> Result<NamedGroup, String> {
    NamedGroup::from_name(name).ok_or_else(|| "no such group".to_owned())
}

impl Options {
    /// A configuration with all of that.
    pub(crate) fn config(&self) -> io::Result<Config> {
        let config = Config::default()
            .with_preferred_dtls_role(match self.dtls_role {
                Role::Active => DtlsRole::Client,
                Role::Passive => DtlsRole::Server,
            })
            .with_dtls_versions(match self.dtls_version {
                None => Versions::Both,
                Some(Version::V12) => Versions::Dtls12,
                Some(Version::V13) => Versions::Dtls13,
            })
            .with_mtu(self.mtu.into())
            .with_stun_servers(self.stun_servers()?)
            .with_key_log(self.key_log.as_ref().map(key_log).transpose()?);
        let config = match self.no_media {
            true => config,
            false => config
                .with_audio(RtpCapabilities::of(MediaKind::Audio))
                .with_video(RtpCapabilities::of(MediaKind::Video)),
        };
        Ok(match self.dtls_groups.as_slice() {
            [] => config,
            groups => config.with_dtls_groups(groups.iter().copied()),
        })
    }

    fn stun_servers(&self) -> io::Result<Vec<SocketAddr>> {
        let found = self.stun.iter().map(|server| stun_server(server));
        Ok(found.collect::<io::Result<Vec<_>>>()?.concat())
    }
}

/// The addresses of a STUN server: all of a name's, since either family may have a NAT.
fn stun_server(given: &str) -> io::Result<Vec<SocketAddr>> {
    let given = given.strip_prefix("stun:").unwrap_or(given);
    let has_port = given
        .rsplit_once(':')
        .is_some_and(|(host, port)| port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')));
    match has_port {
        true => net::resolve(given),
        false if given.contains(':') && !given.starts_with('[') => net::resolve(&format!("[{given}]:{STUN_PORT}")),
        false => net::resolve(&format!("{given}:{STUN_PORT}")),
    }
}

fn key_log(path: &PathBuf) -> io::Result<KeyLog> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let file = Mutex::new(file);
    Ok(KeyLog(Arc::new(move |line| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk is no reason to end a connection.
        let _ = writeln!(file, "{line}");
    })))
}

/// What DTLS agreed on, for programs.
pub(crate) fn describe(agreed: &DtlsParameters) -> Value {
    json!({
        "role": match agreed.role {
            DtlsRole::Client => "client",
            DtlsRole::Server => "server",
        },
        "version": agreed.version.to_string(),
        "cipher_suite": agreed.cipher_suite.to_string(),
        "group": agreed.group.name(),
        "hello_was_retried": agreed.hello_was_retried,
        "srtp_profile": agreed.srtp_profile.map(|profile| profile.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stun_server_has_its_port_unless_told() {
        let server = |text| stun_server(text).unwrap()[0].to_string();
        assert_eq!(server("192.0.2.1"), "192.0.2.1:3478");
        assert_eq!(server("stun:192.0.2.1:19302"), "192.0.2.1:19302");
        assert_eq!(server("2001:db8::1"), "[2001:db8::1]:3478");
        assert_eq!(server("[2001:db8::1]:5"), "[2001:db8::1]:5");
    }
}
