//! What `--lan` needs: the network's address, a certificate for it, and a QR code to open it with.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum_server::tls_rustls::RustlsConfig;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// This machine's address on the network it shares with the phones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lan(IpAddr);

impl Lan {
    /// Asks the system which of its addresses it would use towards others. Nothing is sent.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let find = || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            // RFC 5737: an address of documentation, that no network has.
            socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
            socket.local_addr()
        };
        let address = find().context("this machine is on no network that phones could share")?;
        Ok(Self(address.ip()))
    }

    pub(crate) fn address(self) -> IpAddr {
        self.0
    }
}

/// The certificate for this address, made on first use and kept in the data directory.
pub(crate) fn tls(directory: &Path, lan: Lan) -> anyhow::Result<RustlsConfig> {
    let path = directory.join(format!("lan-{}.pem", lan.address()).replace(':', "-"));
    if !path.exists() {
        make_certificate(&path, lan)
            .with_context(|| format!("cannot make the certificate {}", path.display()))?;
    }
    let read = || -> anyhow::Result<ServerConfig> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&path)?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&path)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(config)
    };
    let mut config = read().with_context(|| {
        format!("{} is not a certificate with its key: delete it to make another", path.display())
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn make_certificate(path: &Path, lan: Lan) -> anyhow::Result<()> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), lan.address().to_string()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(cert.pem().as_bytes())?;
    file.write_all(signing_key.serialize_pem().as_bytes())?;
    Ok(())
}

/// The address as a picture of half blocks, for a phone's camera to read off the terminal.
pub(crate) fn qr_code(url: &str) -> anyhow::Result<String> {
    let code = QrCode::new(url)?;
    Ok(code.render::<Dense1x2>().quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_then_kept() {
        let directory = tempfile::tempdir().unwrap();
        let lan = Lan(IpAddr::V4(Ipv4Addr::new(192, 168, 0, 7)));
        tls(directory.path(), lan).unwrap();
        let path = directory.path().join("lan-192.168.0.7.pem");
        let first = fs::read(&path).unwrap();
        tls(directory.path(), lan).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, "spoilt").unwrap();
        let refused = tls(directory.path(), lan).unwrap_err();
        assert!(refused.to_string().contains("delete it"), "{refused}");
    }

    #[test]
    fn an_address_becomes_a_square_of_half_blocks() {
        let picture = qr_code("https://192.168.0.7:8443/").unwrap();
        assert!(picture.lines().count() > 10 && picture.contains('█'), "{picture}");
    }
}
