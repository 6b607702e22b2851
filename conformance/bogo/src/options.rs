//! The runner's flags, as far as we have what they ask for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pollrtc_crypto::{NamedGroup, SignatureScheme, default_provider};
use pollrtc_dtls::{SrtpProfile, Version};

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error("a question about handshakers, not a test")]
    Handshaker,
    #[error("{0} is not implemented")]
    Unknown(String),
    #[error("{0} has no value, or one that we can't take")]
    Value(String),
    #[error("this is a test of another protocol than DTLS")]
    NotDtls,
}

/// What the test asks of us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) shim_id: u64,
    pub(crate) ipv6: bool,
    pub(crate) server: bool,
    /// What we may show, by preference; the last of them is what the test calls the default.
    pub(crate) credentials: Vec<Credential>,
    pub(crate) expected_credential: Option<usize>,
    pub(crate) versions: Versions,
    pub(crate) groups: Vec<NamedGroup>,
    /// What the peer may sign with.
    pub(crate) signature_schemes: Vec<SignatureScheme>,
    pub(crate) mtu: Option<usize>,
    pub(crate) max_certificates: Option<usize>,
    pub(crate) initial_timeout: Option<Duration>,
    pub(crate) private_key_delay: Duration,
    pub(crate) srtp_profiles: Vec<SrtpProfile>,
    pub(crate) application_protocols: Vec<Vec<u8>>,
    pub(crate) expected_protocol: Option<Vec<u8>>,
    pub(crate) server_name: Option<String>,
    pub(crate) expected_server_name: Option<String>,
    pub(crate) no_tickets: bool,
    pub(crate) client_certificate: ClientCertificate,
    pub(crate) verification: Verification,
    pub(crate) export: Option<Export>,
    pub(crate) send_alert: bool,
    pub(crate) writes_first: bool,
    pub(crate) shuts_down: bool,
    pub(crate) updates_keys_before_reading: bool,
    pub(crate) updates_keys: bool,
}

/// A certificate with its key, and what it signs with, by preference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credential {
    pub(crate) certificate_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) schemes: Vec<u16>,
}

/// The versions that the test leaves us.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    pub(crate) v12: bool,
    pub(crate) v13: bool,
}

impl Default for Versions {
    fn default() -> Self {
        Self { v12: true, v13: true }
    }
}

impl Versions {
    /// DTLS counts downwards; what is older than 1.2 we don't speak.
    fn at_least(&mut self, version: Version) {
        self.v12 &= version.0 >= Version::DTLS_1_2.0;
        self.v13 &= version.0 >= DTLS_1_3;
    }

    fn at_most(&mut self, version: Version) {
        self.v12 &= version.0 <= Version::DTLS_1_2.0;
        self.v13 &= version.0 <= DTLS_1_3;
    }
}

const DTLS_1_3: u16 = 0xfefc;

/// What a server asks of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientCertificate {
    #[default]
    NotRequested,
    Optional,
    Required,
}

/// What is made of the peer's certificate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verification {
    pub(crate) enforced: bool,
    pub(crate) fails: bool,
    pub(crate) by_callback: bool,
}

/// Keys for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Export {
    pub(crate) length: usize,
    pub(crate) label: String,
    pub(crate) context: String,
    pub(crate) use_context: bool,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        let mut arguments = Arguments(arguments);
        let mut is_dtls = false;
        let mut export = Export::default();
        let mut expected_credential = None;
        // Flags are about the default credential until one of another is announced.
        let mut credentials = vec![Credential::default()];
        while let Some(flag) = arguments.0.next() {
            match flag.as_str() {
                "-is-handshaker-supported" => return Err(OptionsError::Handshaker),
                "-dtls" => is_dtls = true,
                "-port" => options.port = arguments.number(&flag)?,
                "-shim-id" => options.shim_id = arguments.number(&flag)?,
                "-ipv6" => options.ipv6 = true,
                "-server" => options.server = true,
                "-new-x509-credential" => credentials.push(Credential::default()),
                "-cert-file" => newest(&mut credentials).certificate_file = Some(arguments.text(&flag)?.into()),
                "-key-file" => newest(&mut credentials).key_file = Some(arguments.text(&flag)?.into()),
                "-signing-prefs" => newest(&mut credentials).schemes.push(arguments.number(&flag)?),
                "-expect-selected-credential" => expected_credential = Some(arguments.number::<i32>(&flag)?),
                "-min-version" => options.versions.at_least(Version(arguments.number(&flag)?)),
                "-max-version" => options.versions.at_most(Version(arguments.number(&flag)?)),
                "-no-tls12" => options.versions.v12 = false,
                "-no-tls13" => options.versions.v13 = false,
                "-curves" => options
                    .groups
                    .push(group(arguments.number(&flag)?).ok_or_else(|| unknown(&flag))?),
                "-mtu" => options.mtu = Some(arguments.number(&flag)?),
                "-max-cert-list" => options.max_certificates = Some(arguments.number(&flag)?),
                "-initial-timeout-duration-ms" => options.initial_timeout = Some(arguments.millis(&flag)?),
                "-private-key-delay-ms" => options.private_key_delay = arguments.millis(&flag)?,
                "-srtp-profiles" => options.srtp_profiles = srtp_profiles(&arguments.text(&flag)?),
                "-advertise-alpn" => {
                    let names = protocol_names(arguments.text(&flag)?.as_bytes());
                    options.application_protocols = names.ok_or_else(|| unknown(&flag))?;
                }
                "-select-alpn" => options.application_protocols = vec![arguments.text(&flag)?.into_bytes()],
                // No client offers this.
                "-reject-alpn" => options.application_protocols = vec![b"pollrtc".to_vec()],
                "-expect-alpn" => options.expected_protocol = Some(arguments.text(&flag)?.into_bytes()),
                "-host-name" => options.server_name = Some(arguments.text(&flag)?),
                "-expect-server-name" => options.expected_server_name = Some(arguments.text(&flag)?),
                "-no-ticket" => options.no_tickets = true,
                "-verify-peer" => {
                    options.verification.enforced = true;
                    options.asks_clients(ClientCertificate::Optional);
                }
                "-require-any-client-certificate" => options.asks_clients(ClientCertificate::Required),
                "-verify-fail" => options.verification.fails = true,
                "-use-custom-verify-callback" => options.verification.by_callback = true,
                "-export-keying-material" => export.length = arguments.number(&flag)?,
                "-export-label" => export.label = arguments.text(&flag)?,
                "-export-context" => export.context = arguments.text(&flag)?,
                "-use-export-context" => export.use_context = true,
                "-send-alert" => options.send_alert = true,
                "-shim-writes-first" => options.writes_first = true,
                "-key-update-before-read" => options.updates_keys_before_reading = true,
                "-key-update" => options.updates_keys = true,
                "-shim-shuts-down" => options.shuts_down = true,
                // These say how to use an API that is not like ours, or forbid what we never do.
                "-async"
                | "-implicit-handshake"
                | "-use-old-client-cert-callback"
                | "-no-tls1"
                | "-no-tls11"
                | "-expect-no-session" => {}
                "-verify-prefs" => {
                    let code: u16 = arguments.number(&flag)?;
                    let mut known = default_provider().signature_schemes().iter().copied();
                    let scheme = known.find(|scheme| *scheme as u16 == code);
                    options.signature_schemes.push(scheme.ok_or_else(|| unknown(&flag))?);
                }
                // Roots are the caller's business; staples and timestamps are never asked of us.
                "-trust-cert" => drop(arguments.text(&flag)?),
                "-ocsp-response" | "-signed-cert-timestamps" if credentials.len() == 1 => {
                    arguments.text(&flag)?;
                }
                _ => return Err(OptionsError::Unknown(flag)),
            }
        }
        let default = credentials.remove(0);
        options.credentials = credentials;
        let index = |number: i32| usize::try_from(number).unwrap_or(options.credentials.len());
        options.expected_credential = expected_credential.map(index);
        if default.certificate_file.is_some() {
            options.credentials.push(default);
        }
        options.export = (export.length > 0).then_some(export);
        match is_dtls {
            true => Ok(options),
            false => Err(OptionsError::NotDtls),
        }
    }

    fn asks_clients(&mut self, wanted: ClientCertificate) {
        if self.client_certificate != ClientCertificate::Required {
            self.client_certificate = wanted;
        }
    }
}

/// There is always the default one.
fn newest(credentials: &mut [Credential]) -> &mut Credential {
    let last = credentials.len() - 1;
    &mut credentials[last]
}

struct Arguments<I>(I);

impl<I: Iterator<Item = String>> Arguments<I> {
    fn text(&mut self, flag: &str) -> Result<String, OptionsError> {
        self.0.next().ok_or_else(|| OptionsError::Value(flag.to_owned()))
    }

    fn number<T: FromStr>(&mut self, flag: &str) -> Result<T, OptionsError> {
        self.text(flag)?
            .parse()
            .map_err(|_| OptionsError::Value(flag.to_owned()))
    }

    fn millis(&mut self, flag: &str) -> Result<Duration, OptionsError> {
        self.number(flag).map(Duration::from_millis)
    }
}

fn unknown(flag: &str) -> OptionsError {
    OptionsError::Unknown(flag.to_owned())
}

fn group(code: u16) -> Option<NamedGroup> {
    [
        NamedGroup::X25519MlKem768,
        NamedGroup::X25519,
        NamedGroup::Secp256r1,
        NamedGroup::Secp384r1,
    ]
    .into_iter()
    .find(|group| *group as u16 == code)
}

/// Names of profiles with colons between them, as OpenSSL has them.
fn srtp_profiles(names: &str) -> Vec<SrtpProfile> {
    let profile = |name| match name {
        "SRTP_AES128_CM_SHA1_80" => Some(SrtpProfile::Aes128CmHmacSha1_80),
        "SRTP_AES128_CM_SHA1_32" => Some(SrtpProfile::Aes128CmHmacSha1_32),
        "SRTP_AEAD_AES_128_GCM" => Some(SrtpProfile::AeadAes128Gcm),
        "SRTP_AEAD_AES_256_GCM" => Some(SrtpProfile::AeadAes256Gcm),
        _ => None,
    };
    names.split(':').filter_map(profile).collect()
}

/// A list as it goes on the wire (RFC 7301 §3.1).
fn protocol_names(mut list: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    while let Some((length, rest)) = list.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        names.push(name.to_vec());
        list = rest;
    }
    Some(names)
}
