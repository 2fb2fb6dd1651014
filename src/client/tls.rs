//! TLS to a gateway that has it switched on. Such a gateway shows a certificate that it has signed itself, so what
//! tells that it is the right one is the fingerprint, and not who has signed it.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_util::either::Either;

/// The bytes of a connection to a gateway, secured or not.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Does the TLS handshake on a stream. Answers with the SHA-256 of the certificate that the gateway has shown, in
/// lower-case hexadecimal digits without colons, and which it has proven to hold the key of.
///
/// # Errors
/// Fails where the other side ends the handshake or does something that TLS does not allow.
pub(crate) async fn secure(stream: TcpStream) -> io::Result<(Stream, String)> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnySigner(provider)))
        .with_no_client_auth();
    // No name is sent for an address, as upstream's clients do.
    let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let secured = Box::new(Box::pin(TlsConnector::from(Arc::new(config)).connect(name, stream)).await?);
    let shown = secured.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| io::Error::other("the gateway has shown no certificate"))?;
    let fingerprint = fingerprint(shown);
    Ok((Either::Right(secured), fingerprint))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Takes certificates whoever has signed them, but no proof with another key than the certificate's.
#[derive(Debug)]
struct AnySigner(Arc<CryptoProvider>);

impl ServerCertVerifier for AnySigner {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::client::{ConnectError, Endpoint, Tls};

    const CERTIFICATE: &[u8] = include_bytes!("../../fixtures/tls/certificate.pem");
    const KEY: &[u8] = include_bytes!("../../fixtures/tls/key.pem");
    /// `openssl x509 -in fixtures/tls/certificate.pem -outform der | sha256sum`
    const FINGERPRINT: &str = "fa25ca704113a6df157df6dd8bcb3026c3dec124e4e9b638ad8a46f1d928c8a9";

    /// A server of one connection; answers with what it was sent behind the handshake.
    async fn server() -> (SocketAddr, JoinHandle<Vec<u8>>) {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
                PrivateKeyDer::from_pem_slice(KEY).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut sent = Vec::new();
            if let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
                let _ = stream.read_to_end(&mut sent).await;
            }
            sent
        });
        (address, serving)
    }

    async fn connect(tls: Tls) -> (Result<Stream, ConnectError>, JoinHandle<Vec<u8>>) {
        let (address, serving) = server().await;
        (Endpoint { tls, ..Endpoint::from(address) }.connect().await, serving)
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_has_signed_is_taken_unless_another_one_is_pinned() {
        assert!(connect(Tls::AnyCertificate).await.0.is_ok());
        assert!(connect(Tls::Pinned(FINGERPRINT.to_owned())).await.0.is_ok());
        assert!(connect(Tls::Pinned(FINGERPRINT.to_uppercase())).await.0.is_ok());
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_gateway_with_another_certificate() {
        let other = FINGERPRINT.replace('f', "e");
        let (connected, serving) = connect(Tls::Pinned(other.clone())).await;
        let Err(ConnectError::Pin { shown, pinned }) = connected else { panic!("it is refused") };
        assert_eq!((&*shown, pinned), (FINGERPRINT, other));
        assert_eq!(serving.await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_gateway_without_tls_is_told_from_one_that_does_not_listen() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint =
            Endpoint { tls: Tls::AnyCertificate, ..Endpoint::from(listener.local_addr().unwrap()) };
        let accepting = tokio::spawn(async move { drop(listener.accept().await) });
        assert!(matches!(endpoint.connect().await, Err(ConnectError::Tls(_))));
        accepting.await.unwrap();
        assert!(matches!(endpoint.connect().await, Err(ConnectError::Tcp(_))));
    }
}
