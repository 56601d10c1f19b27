//! The command line.

use std::path::PathBuf;

use clap::Parser;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use undertone::{ProxyLogin, RelayAddress, Socks5Proxy, TransportConfig, relay_address};
use url::Url;

/// A terminal chat over an Undertone relay. In a terminal it draws; when standard input is a pipe it speaks plain lines.
#[derive(Parser)]
pub(crate) struct Options {
    /// The folder of this profile: the encrypted store and its key. Made when it does not exist.
    #[arg(long)]
    pub(crate) profile: PathBuf,
    /// The relay of this profile's mailbox: wss://HOST[:PORT], or ws:// for this machine.
    #[arg(long)]
    pub(crate) relay: String,
    /// What a new profile is called when it writes to somebody.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A SOCKS5 proxy for all connections, Tor for example: socks5://[USER:PASSWORD@]HOST:PORT.
    #[arg(long, value_parser = proxy)]
    proxy: Option<Socks5Proxy>,
    /// A PEM file with certificates to trust beside the usual ones.
    #[arg(long)]
    root_certificate: Option<PathBuf>,
    /// A folder that /export wrote, to be read into a profile that knows nobody yet.
    #[arg(long)]
    pub(crate) import: Option<PathBuf>,
    /// Speak plain lines even in a terminal.
    #[arg(long)]
    pub(crate) lines: bool,
}

impl Options {
    /// The name of a new profile: as given, or that of its folder.
    pub(crate) fn name(&self) -> String {
        let folder = || {
            self.profile
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        self.name
            .clone()
            .or_else(folder)
            .unwrap_or_else(|| "somebody".to_owned())
    }

    /// Whether `--relay` names another relay than the profile's.
    pub(crate) fn is_another_relay(&self, profile: &RelayAddress) -> bool {
        relay_address(&self.relay).is_ok_and(|given| given != *profile)
    }

    /// Proxies and trusted roots.
    pub(crate) fn transport(&self) -> Result<TransportConfig, String> {
        let mut extra_roots = Vec::new();
        if let Some(file) = &self.root_certificate {
            let unusable = |error: &dyn std::fmt::Display| {
                format!("{} has no certificates: {error}", file.display())
            };
            for certificate in
                CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?
            {
                extra_roots.push(certificate.map_err(|error| unusable(&error))?.to_vec());
            }
        }
        let anonymous = self.proxy.clone().map(|proxy| match proxy.login {
            ProxyLogin::Password { .. } => proxy,
            // Tor leads connections with different user names over different circuits.
            ProxyLogin::Anonymous | ProxyLogin::Isolated => Socks5Proxy {
                login: ProxyLogin::Isolated,
                ..proxy
            },
        });
        Ok(TransportConfig {
            extra_roots,
            own_proxy: self.proxy.clone(),
            anonymous_proxy: anonymous,
            ..TransportConfig::default()
        })
    }
}

fn proxy(text: &str) -> Result<Socks5Proxy, String> {
    let malformed = || "expected socks5://[USER:PASSWORD@]HOST:PORT".to_owned();
    let url = Url::parse(text).map_err(|_| malformed())?;
    let (Some(host), Some(port), "socks5") = (url.host_str(), url.port(), url.scheme()) else {
        return Err(malformed());
    };
    let login = match (url.username(), url.password()) {
        ("", None) => ProxyLogin::Anonymous,
        (user, password) => ProxyLogin::Password {
            user: user.to_owned(),
            password: password.unwrap_or_default().to_owned(),
        },
    };
    Ok(Socks5Proxy {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        login,
    })
}
