//! Device identities: keys, ids and the texts that they sign.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256};

/// The key pair of a device.
///
/// Keys are derived, so that runs with the same seed send the same frames.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl std::fmt::Debug for DeviceKey {
    /// Shows only the id: the key is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.id())
    }
}

/// The fields of the text that a device signs to prove that it holds its key.
///
/// `v3|deviceId|clientId|mode|role|scopes joined by ","|signedAtMs|token|nonce|platform|deviceFamily`;
/// `v2` lacks the last two. Measured on 2026.3.2 to 2026.9.6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedFields {
    /// The device id.
    pub device_id: String,
    /// The `client.id` of the connect parameters.
    pub client_id: String,
    /// The `client.mode` of the connect parameters.
    pub client_mode: String,
    /// The role that is asked for.
    pub role: String,
    /// Scopes in the order in which they are sent.
    pub scopes: Vec<String>,
    /// When it is signed, in milliseconds since 1970.
    pub signed_at: i64,
    /// `auth.token`, else `auth.deviceToken`, else `auth.bootstrapToken`, else empty.
    pub token: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The `client.platform` of the connect parameters.
    pub platform: String,
    /// The `client.deviceFamily` of the connect parameters.
    pub family: String,
}

impl SignedFields {
    /// The signed text of the older layout, which has nine fields.
    pub fn v2(&self) -> String {
        self.joined("v2")
    }

    /// The signed text of the newer layout, which has all fields.
    pub fn v3(&self) -> String {
        let normal = |text: &str| text.trim().to_ascii_lowercase();
        format!("{}|{}|{}", self.joined("v3"), normal(&self.platform), normal(&self.family))
    }

    fn joined(&self, version: &str) -> String {
        [
            version,
            &self.device_id,
            &self.client_id,
            &self.client_mode,
            &self.role,
            &self.scopes.join(","),
            &self.signed_at.to_string(),
            &self.token,
            &self.nonce,
        ]
        .join("|")
    }
}

impl DeviceKey {
    /// Derives a key from words; the same words always give the same key.
    pub fn derive(words: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for word in words {
            hash.update(u64::try_from(word.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(word.as_bytes());
        }
        Self(SigningKey::from_bytes(&hash.finalize().into()))
    }

    /// The device id: lower-case hexadecimal SHA-256 of the raw public key.
    pub fn id(&self) -> String {
        device_id(self.0.verifying_key().as_bytes())
    }

    /// The raw public key in base64url without padding.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// A signature in base64url without padding.
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes()).to_bytes())
    }

    /// Whether `signature` of `text` was made with the key of `public_key` (both in base64url).
    pub fn verify(public_key: &str, text: &str, signature: &str) -> bool {
        let check = || -> Option<bool> {
            let key: [u8; 32] =
                URL_SAFE_NO_PAD.decode(public_key.trim_end_matches('=')).ok()?.try_into().ok()?;
            let signature: [u8; 64] =
                URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')).ok()?.try_into().ok()?;
            let key = VerifyingKey::from_bytes(&key).ok()?;
            Some(key.verify(text.as_bytes(), &Signature::from_bytes(&signature)).is_ok())
        };
        check().unwrap_or(false)
    }
}

/// The device id of a raw public key.
pub fn device_id(public_key: &[u8]) -> String {
    hex::encode(Sha256::digest(public_key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> SignedFields {
        SignedFields {
            device_id: "d".into(),
            client_id: "cli".into(),
            client_mode: "cli".into(),
            role: "operator".into(),
            scopes: vec!["operator.read".into(), "operator.write".into()],
            signed_at: 17,
            token: "t".into(),
            nonce: "n".into(),
            platform: " Linux ".into(),
            family: String::new(),
        }
    }

    #[test]
    fn the_signed_text_has_the_measured_layout() {
        assert_eq!(fields().v2(), "v2|d|cli|cli|operator|operator.read,operator.write|17|t|n");
        assert_eq!(fields().v3(), "v3|d|cli|cli|operator|operator.read,operator.write|17|t|n|linux|");
    }

    #[test]
    fn the_same_words_give_the_same_key_and_word_boundaries_matter() {
        let one = DeviceKey::derive(&["seed", "a", "bc"]);
        assert_eq!(one.id(), DeviceKey::derive(&["seed", "a", "bc"]).id());
        assert_ne!(one.id(), DeviceKey::derive(&["seed", "ab", "c"]).id());
        assert_eq!(one.id().len(), 64);
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let key = DeviceKey::derive(&["x"]);
        assert_eq!(format!("{key:?}"), format!("DeviceKey({})", key.id()));
    }

    proptest! {
        #[test]
        fn a_signature_is_bound_to_text_and_key(text in "\\PC{0,40}", other in "\\PC{0,40}") {
            let (mine, theirs) = (DeviceKey::derive(&["mine"]), DeviceKey::derive(&["theirs"]));
            let signature = mine.sign(&text);
            prop_assert!(DeviceKey::verify(&mine.public_key(), &text, &signature));
            prop_assert!(!DeviceKey::verify(&theirs.public_key(), &text, &signature));
            prop_assert_eq!(DeviceKey::verify(&mine.public_key(), &other, &signature), text == other);
        }
    }
}
