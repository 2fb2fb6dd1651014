//! The proof by which a device shows that it holds its private key.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::wire::{DeviceKey, SignedFields, device_id};

use super::request::ConnectRequest;
use crate::model::mutants::Fault;
use crate::model::rules::Rules;

/// How far the time of a signature may differ from the gateway's clock, in milliseconds.
pub(in crate::model) const SKEW_MS: i64 = 120_000;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::model) enum ProofError {
    /// The id is not that of the public key.
    #[error("device identity mismatch")]
    Id,
    /// The signature is too old or from the future.
    #[error("device signature expired")]
    Stale,
    /// The nonce is missing.
    #[error("device nonce required")]
    NonceMissing,
    /// The nonce is not that of the challenge.
    #[error("device nonce mismatch")]
    NonceMismatch,
    /// The signature was not made with this key over these fields.
    #[error("device signature invalid")]
    Signature,
}

impl ProofError {
    /// `details.code` and `details.reason`.
    pub(in crate::model) const fn detail(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => ("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch"),
            Self::Stale => ("DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale"),
            Self::NonceMissing => ("DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-missing"),
            Self::NonceMismatch => ("DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch"),
            Self::Signature => ("DEVICE_AUTH_SIGNATURE_INVALID", "device-signature"),
        }
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes of a base64 text. The gateway reads it leniently: it takes both alphabets and skips all other characters.
fn bytes(text: &str) -> Vec<u8> {
    let mut clean: String = text
        .chars()
        .take_while(|c| *c != '=')
        .filter_map(|c| match c {
            '+' => Some('-'),
            '/' => Some('_'),
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    LENIENT.decode(clean).unwrap_or_default()
}

/// Checks the proof of a device against the nonce of the challenge. Returns the public key in base64url.
///
/// # Errors
/// Fails with the first check that the proof does not pass.
pub(in crate::model) fn check(
    rules: &Rules,
    request: &ConnectRequest,
    nonce: &str,
    now: i64,
) -> Result<String, ProofError> {
    let Some(device) = &request.device else { return Err(ProofError::Id) };
    let key = bytes(&device.public_key);
    let derived = device_id(&key);
    let same = derived == device.id
        || rules.has_fault(Fault::DeviceIdCaseFolded) && derived.eq_ignore_ascii_case(&device.id)
        || rules.has_fault(Fault::DeviceIdNotDerived);
    if key.is_empty() || !same {
        return Err(ProofError::Id);
    }
    let age = now.saturating_sub(device.signed_at);
    let skew = if rules.has_fault(Fault::SkewOfADay) { 86_400_000 } else { SKEW_MS };
    let from_future = age < -skew && !rules.has_fault(Fault::FutureAccepted);
    if age > skew || from_future {
        return Err(ProofError::Stale);
    }
    let given = device.nonce.trim();
    if given.is_empty() && !rules.has_fault(Fault::BlankNonceIsMismatch) {
        return Err(ProofError::NonceMissing);
    }
    if given != nonce && !rules.has_fault(Fault::NonceNotChecked) {
        return Err(ProofError::NonceMismatch);
    }
    let public_key = URL_SAFE_NO_PAD.encode(&key);
    let signature = URL_SAFE_NO_PAD.encode(bytes(&device.signature));
    let signed = |fields: &SignedFields| {
        let newer = if rules.has_fault(Fault::PlatformCaseMatters) {
            let (platform, family) = (&fields.platform, &fields.family);
            format!("v3{}|{platform}|{family}", fields.v2().trim_start_matches("v2"))
        } else {
            fields.v3()
        };
        DeviceKey::verify(&public_key, &newer, &signature)
            || !rules.has_fault(Fault::OlderSignatureRefused)
                && DeviceKey::verify(&public_key, &fields.v2(), &signature)
    };
    let mut fields = SignedFields {
        device_id: device.id.clone(),
        client_id: request.client.id.clone(),
        client_mode: request.client.mode.clone(),
        role: request.role.clone(),
        scopes: request.scopes.clone(),
        signed_at: device.signed_at,
        token: request.auth.signed_token().to_owned(),
        nonce: given.to_owned(),
        platform: request.client.platform.clone(),
        family: request.client.family.clone().unwrap_or_default(),
    };
    if rules.has_fault(Fault::ScopesNotSigned) {
        fields.scopes.clear();
    }
    let fine = signed(&fields)
        || rules.has_fault(Fault::TokenNotSigned) && signed(&SignedFields { token: String::new(), ..fields })
        || rules.has_fault(Fault::SignatureNotChecked);
    if fine { Ok(public_key) } else { Err(ProofError::Signature) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("AQID", &[1, 2, 3])]
    #[case("AQI=", &[1, 2])]
    #[case("_-8", &[255, 239])]
    #[case("/+8=", &[255, 239])]
    #[case("A Q\nI D", &[1, 2, 3])]
    #[case("", &[])]
    #[case("=", &[])]
    fn base64_is_read_leniently(#[case] text: &str, #[case] decoded: &[u8]) {
        assert_eq!(bytes(text), decoded);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
            let _ = bytes(&text);
        }
    }
}
