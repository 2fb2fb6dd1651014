//! The gateway's wire protocol as data: frames, connect parameters, errors, closes, identities.

mod close;
mod connect;
mod frame;
mod identity;
mod mask;
mod persona;
mod protocol_schema;
mod protocol_schemas;

pub use close::{Close, End};
pub use connect::{ConnectParams, DeviceProof};
pub use frame::{Frame, WireError, connect_request, request, whole_event};
pub use identity::{DeviceKey, SignedFields, device_id};
pub use mask::Masker;
pub use persona::{PERSONAS, Persona, persona};
pub use protocol_schema::{Passed, ProtocolSchema, SchemaError, SchemaFinding, Sender};
pub use protocol_schemas::{FIRST_WITH_A_SCHEMA, ProtocolSchemas};
