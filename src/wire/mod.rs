//! The gateway's wire protocol as data: frames, connect parameters, errors, closes, identities.

mod close;
mod connect;
mod frame;
mod identity;
mod log_mask;
mod mask;
mod persona;
mod protocol_schema;
mod protocol_schemas;
mod secret_forms;
mod secret_keys;
mod secret_looks;
mod vocabulary;

pub use close::{Close, ConnectionEnd};
pub use connect::{ConnectParams, DeviceProof};
pub use frame::{Frame, WireError, connect_request, document, request, whole_event};
pub use identity::{DeviceKey, SignedFields, device_id};
pub use log_mask::{LOG_MASK, LogMask};
pub use mask::Masker;
pub use persona::{PERSONAS, Persona, persona};
pub use protocol_schema::{PassedFrame, ProtocolSchema, SchemaError, SchemaFinding, Sender};
pub use protocol_schemas::{FIRST_WITH_A_SCHEMA, ProtocolSchemas};
pub use vocabulary::{DETAIL_CODES, ERROR_CODES, REASONS, SCOPES, WordKind};
