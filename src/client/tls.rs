//! TLS to a gateway that has it switched on. Such a gateway shows a certificate that it has signed itself, so what
//! tells that it is the right one is the fingerprint, and not who has signed it.

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

/// A byte stream to a gateway, with or without TLS.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Does the TLS handshake on a stream. Also returns the SHA-256 of the certificate that the gateway presented and proved to
/// hold the key of, in lower-case hexadecimal digits without colons.
///
/// # Errors
/// Fails if the other side ends the handshake or violates TLS.
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
    let shown = shown.ok_or_else(|| io::Error::other("the gateway presented no certificate"))?;
    let fingerprint = fingerprint(shown);
    Ok((Either::Right(secured), fingerprint))
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    hex::encode(Sha256::digest(certificate))
}

/// Accepts certificates whoever signed them, but only with proof of the key of the certificate.
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
    use crate::client::{ConnectError, Endpoint, EndpointTls};

    const CERTIFICATE: &[u8] = include_bytes!("../../fixtures/tls/certificate.pem");
    const KEY: &[u8] = include_bytes!("../../fixtures/tls/key.pem");
    /// `openssl x509 -in fixtures/tls/certificate.pem -outform der | sha256sum`
    const FINGERPRINT: &str = "fa25ca704113a6df157df6dd8bcb3026c3dec124e4e9b638ad8a46f1d928c8a9";

    /// A server for one connection; it returns what it was sent after the handshake.
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

    async fn connect(tls: EndpointTls) -> (Result<Stream, ConnectError>, JoinHandle<Vec<u8>>) {
        let (address, serving) = server().await;
        (Endpoint { tls, ..Endpoint::from(address) }.connect().await, serving)
    }

    #[tokio::test]
    async fn a_self_signed_certificate_is_accepted_unless_another_one_is_pinned() {
        assert!(connect(EndpointTls::AnyCertificate).await.0.is_ok());
        assert!(connect(EndpointTls::Pinned(FINGERPRINT.to_owned())).await.0.is_ok());
        assert!(connect(EndpointTls::Pinned(FINGERPRINT.to_uppercase())).await.0.is_ok());
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_gateway_with_the_wrong_certificate() {
        let other = FINGERPRINT.replace('f', "e");
        let (connected, serving) = connect(EndpointTls::Pinned(other.clone())).await;
        let Err(ConnectError::Pin { shown, pinned }) = connected else { panic!("it is refused") };
        assert_eq!((&*shown, pinned), (FINGERPRINT, other));
        assert_eq!(serving.await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_failed_handshake_differs_from_a_refused_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint =
            Endpoint { tls: EndpointTls::AnyCertificate, ..Endpoint::from(listener.local_addr().unwrap()) };
        let accepting = tokio::spawn(async move { drop(listener.accept().await) });
        assert!(matches!(endpoint.connect().await, Err(ConnectError::Tls(_))));
        accepting.await.unwrap();
        assert!(matches!(endpoint.connect().await, Err(ConnectError::Tcp(_))));
    }
}
