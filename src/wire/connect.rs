//! The parameters of the `connect` request.

use serde::Serialize;
use serde_json::{Map, Value};

/// The parameters of the `connect` request. The gateway refuses unknown keys, so what is not sent is left out instead of
/// being null.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// Lowest protocol offered.
    pub min_protocol: u32,
    /// Highest protocol offered.
    pub max_protocol: u32,
    /// Who the client says it is.
    pub client: Map<String, Value>,
    /// Role asked for.
    pub role: String,
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// Capabilities offered.
    pub caps: Vec<String>,
    /// Commands offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// Permissions offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Map<String, Value>>,
    /// The credentials.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub auth: Map<String, Value>,
    /// The device and its proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProof>,
    /// Keys that are set last, whatever they are; null removes a key.
    #[serde(skip)]
    pub raw: Map<String, Value>,
}

/// The `device` of the connect parameters. Fields that are none are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceProof {
    /// The device id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The public key in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The signature in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// When it was signed, in milliseconds since 1970.
    pub signed_at: i64,
    /// The nonce of the challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl ConnectParams {
    /// As JSON, with the raw keys applied.
    pub fn to_value(&self) -> Value {
        // This cannot fail: every key is a text and every value is JSON already.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(keys) = &mut value {
            for (key, raw) in &self.raw {
                if raw.is_null() {
                    keys.shift_remove(key);
                } else {
                    keys.insert(key.clone(), raw.clone());
                }
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_that_are_not_set_are_left_out() {
        let params =
            ConnectParams { min_protocol: 3, max_protocol: 4, role: "node".into(), ..Default::default() };
        assert_eq!(
            params.to_value(),
            json!({"minProtocol": 3, "maxProtocol": 4, "client": {}, "role": "node", "scopes": [], "caps": []})
        );
    }

    #[test]
    fn raw_keys_replace_others_and_null_removes_them() {
        let raw = json!({"role": null, "scopes": "not a list", "extra": 1});
        let params = ConnectParams { raw: raw.as_object().cloned().unwrap(), ..Default::default() };
        let value = params.to_value();
        assert_eq!(value.get("role"), None);
        assert_eq!(value["scopes"], "not a list");
        assert_eq!(value["extra"], 1);
    }
}
