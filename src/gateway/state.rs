//! The stored pairing records of a gateway, in one form for both kinds of stores.
//!
//! Up to 2026.7.35 the records are `devices/paired.json` and `devices/pending.json`; from 2026.8.1 on
//! they are rows of `state/openclaw.sqlite`, and the JSON files are renamed at the first start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};

use crate::bounded_read;

/// The largest store that is read, in bytes: a gateway is not trusted with our memory.
const LARGEST: u64 = 16 << 20;

pub(super) const PAIRED: &str = "devices/paired.json";
pub(super) const PENDING: &str = "devices/pending.json";
pub(super) const DATABASE: &str = "state/openclaw.sqlite";
/// How long a gateway on a busy machine may keep its database to itself.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// A database has more than is read.
#[derive(Debug, thiserror::Error)]
#[error("it is larger than {} MB", LARGEST / 1_000_000)]
struct StoreTooLarge;

/// The pairing records of a gateway, as the JSON store writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredPairing {
    /// Approved devices by device id.
    pub paired: Map<String, Value>,
    /// Requests that wait for approval, by request id.
    pub pending: Map<String, Value>,
}

/// Why stored records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a JSON object.
    #[error("{} is not a map of records", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The database refused.
    #[error("cannot use the database {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
}

/// Reads the records below a state directory. A running gateway is not disturbed.
///
/// # Errors
/// Fails if the store cannot be read or is damaged.
pub fn read_pairing(state: &Path) -> Result<StoredPairing, StateError> {
    // A release with the JSON store may have the database as well, for other things; a release that keeps records in the
    // database renames the files.
    let json = state.join(PAIRED).exists() || state.join(PENDING).exists();
    let database = state.join(DATABASE);
    if json || !database.exists() {
        return Ok(StoredPairing {
            paired: records(&state.join(PAIRED))?,
            pending: records(&state.join(PENDING))?,
        });
    }
    read_database(&database)
}

fn read_database(database: &Path) -> Result<StoredPairing, StateError> {
    let failed = |source| StateError::Database { path: database.to_owned(), source };
    let open = || -> rusqlite::Result<StoredPairing> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        Ok(StoredPairing {
            paired: rows(&connection, "device_pairing_paired", "deviceId")?,
            pending: rows(&connection, "device_pairing_pending", "requestId")?,
        })
    };
    open().map_err(failed)
}

/// Reads the records of both kinds of stores: an upgrade may have been given up halfway. What the files say comes first.
///
/// # Errors
/// Fails if a store cannot be read or is damaged.
pub fn read_both_stores(state: &Path) -> Result<StoredPairing, StateError> {
    let mut all = read_pairing(state)?;
    let database = state.join(DATABASE);
    if database.exists() && !is_database(state) {
        let other = read_database(&database)?;
        for (key, record) in other.paired {
            all.paired.entry(key).or_insert(record);
        }
        for (key, record) in other.pending {
            all.pending.entry(key).or_insert(record);
        }
    }
    Ok(all)
}

/// Adds copies of records to a state directory: `(device, id, public key)` names a record, and the id and the key that its
/// copy has instead. No gateway may be using the directory.
///
/// # Errors
/// Fails if the store cannot be read or written.
pub fn put_twins(state: &Path, twins: &[(String, String, String)]) -> Result<(), StateError> {
    let database = state.join(DATABASE);
    if database.exists() {
        twins_in_database(&database, twins)
            .map_err(|source| StateError::Database { path: database.clone(), source })?;
    }
    if is_database(state) {
        return Ok(());
    }
    let path = state.join(PAIRED);
    let mut paired = records(&path)?;
    for (device, id, public_key) in twins {
        let Some(mut twin) = paired.get(device).cloned() else { continue };
        twin["deviceId"] = id.as_str().into();
        twin["publicKey"] = public_key.as_str().into();
        paired.insert(id.clone(), twin);
    }
    fs::write(&path, Value::Object(paired).to_string()).map_err(|source| StateError::Io { path, source })
}

fn twins_in_database(database: &Path, twins: &[(String, String, String)]) -> rusqlite::Result<()> {
    const TABLE: &str = "device_pairing_paired";
    let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let transaction = connection.transaction()?;
    let columns = columns_of(&transaction, TABLE)?;
    if columns.is_empty() {
        return Ok(());
    }
    let taken: Vec<&str> = columns
        .iter()
        .map(|column| match column.as_str() {
            "device_id" => "?1",
            "public_key" => "?2",
            other => other,
        })
        .collect();
    let (into, from) = (columns.join(", "), taken.join(", "));
    let text =
        format!("INSERT OR REPLACE INTO {TABLE} ({into}) SELECT {from} FROM {TABLE} WHERE device_id = ?3");
    for (device, id, public_key) in twins {
        transaction.execute(&text, [id, public_key, device])?;
    }
    transaction.commit()
}

/// Whether the records of this state directory are in the database.
fn is_database(state: &Path) -> bool {
    !state.join(PAIRED).exists() && !state.join(PENDING).exists() && state.join(DATABASE).exists()
}

fn records(path: &Path) -> Result<Map<String, Value>, StateError> {
    let bytes = match bounded_read::read(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(source) => return Err(StateError::Io { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&bytes).map_err(|source| StateError::Json { path: path.to_owned(), source })
}

pub(super) fn rows(connection: &Connection, table: &str, key: &str) -> rusqlite::Result<Map<String, Value>> {
    if columns_of(connection, table)?.is_empty() {
        return Ok(Map::new());
    }
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let found = statement.query_map([], |row| record(row, &columns))?;
    let mut records = Map::new();
    let mut bytes = 0;
    for one in found {
        let one = one?;
        bytes += one.iter().map(|(key, value)| key.len() + value.to_string().len()).sum::<usize>() as u64;
        if bytes > LARGEST {
            return Err(rusqlite::Error::ToSqlConversionFailure(StoreTooLarge.into()));
        }
        if let Some(id) = one.get(key).and_then(Value::as_str) {
            records.insert(id.to_owned(), Value::Object(one));
        }
    }
    Ok(records)
}

pub(super) fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn record(row: &Row<'_>, columns: &[String]) -> rusqlite::Result<Map<String, Value>> {
    let mut fields = Map::new();
    for (at, column) in columns.iter().enumerate() {
        let value = match row.get_ref(at)? {
            ValueRef::Null | ValueRef::Blob(_) => continue,
            ValueRef::Integer(number) if is_flag(column) => Value::Bool(number != 0),
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => {
                let text = String::from_utf8_lossy(text).into_owned();
                if column.ends_with("_json") {
                    serde_json::from_str(&text).unwrap_or(Value::String(text))
                } else {
                    Value::String(text)
                }
            }
        };
        fields.insert(key_of(column), value);
    }
    Ok(fields)
}

/// `approved_scopes_json` holds what the JSON store calls `approvedScopes`.
pub(super) fn key_of(column: &str) -> String {
    let mut words = column.strip_suffix("_json").unwrap_or(column).split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |key, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        key + &head.to_uppercase() + tail
    })
}

fn is_flag(column: &str) -> bool {
    matches!(column, "silent" | "is_repair")
}

pub(super) fn cell(column: &str, value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Cell;
    match value {
        Value::Null => Cell::Null,
        value if column.ends_with("_json") => Cell::Text(value.to_string()),
        Value::Bool(flag) => Cell::Integer((*flag).into()),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Integer),
        Value::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// The columns that 2026.8.1 and 2026.9.6 have in common.
    const SCHEMA: &str = "
        CREATE TABLE device_pairing_pending (request_id TEXT NOT NULL PRIMARY KEY, device_id TEXT NOT NULL,
            public_key TEXT NOT NULL, role TEXT, roles_json TEXT, scopes_json TEXT, silent INTEGER,
            is_repair INTEGER, ts INTEGER NOT NULL) STRICT;
        CREATE TABLE device_pairing_paired (device_id TEXT NOT NULL PRIMARY KEY, public_key TEXT NOT NULL,
            role TEXT, roles_json TEXT, approved_scopes_json TEXT, tokens_json TEXT,
            created_at_ms INTEGER NOT NULL, approved_at_ms INTEGER NOT NULL) STRICT;";

    /// The database as a running gateway has it open.
    pub(in crate::gateway) fn database(state: &Path) -> Connection {
        fs::create_dir_all(state.join("state")).unwrap();
        let connection = Connection::open(state.join(DATABASE)).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection
    }

    #[test]
    fn both_stores_yield_the_same_records() {
        let json_state = tempfile::tempdir().unwrap();
        let record = json!({"deviceId": "d1", "publicKey": "k", "role": "operator", "roles": ["operator", "node"],
            "approvedScopes": [], "tokens": {}, "createdAtMs": 1, "approvedAtMs": 2});
        fs::create_dir(json_state.path().join("devices")).unwrap();
        fs::write(json_state.path().join(PAIRED), json!({"d1": record}).to_string()).unwrap();
        let from_json = read_pairing(json_state.path()).unwrap();
        let state = tempfile::tempdir().unwrap();
        let writer = database(state.path());
        let insert = "INSERT INTO device_pairing_paired VALUES ('d1', 'k', 'operator', '[\"operator\",\"node\"]', '[]', '{}', 1, 2)";
        writer.execute(insert, []).unwrap();
        // While the gateway has the database open, and after it closed it.
        assert_eq!(read_pairing(state.path()).unwrap(), from_json);
        drop(writer);
        assert_eq!(read_pairing(state.path()).unwrap(), from_json);
        assert_eq!(from_json.paired["d1"], record);
    }

    #[test]
    fn a_twin_differs_from_its_record_in_id_and_key_only() {
        let twins = [("d1".to_owned(), "d2".to_owned(), "k2".to_owned())];
        let state = tempfile::tempdir().unwrap();
        let writer = database(state.path());
        let insert = "INSERT INTO device_pairing_paired VALUES ('d1', 'k', 'operator', '[\"operator\"]', '[]', '{}', 1, 2)";
        writer.execute(insert, []).unwrap();
        drop(writer);
        put_twins(state.path(), &twins).unwrap();
        let from_database = read_pairing(state.path()).unwrap();
        let json_state = tempfile::tempdir().unwrap();
        fs::create_dir(json_state.path().join("devices")).unwrap();
        let record = json!({"d1": from_database.paired["d1"]});
        fs::write(json_state.path().join(PAIRED), record.to_string()).unwrap();
        put_twins(json_state.path(), &twins).unwrap();
        assert_eq!(read_pairing(json_state.path()).unwrap(), from_database);
        let twin = &from_database.paired["d2"];
        assert_eq!((&twin["publicKey"], &twin["role"]), (&json!("k2"), &json!("operator")));
    }

    #[test]
    fn an_empty_store_is_read_and_a_damaged_one_is_an_error() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(read_pairing(state.path()).unwrap(), StoredPairing::default());
        fs::create_dir(state.path().join("devices")).unwrap();
        fs::write(state.path().join(PAIRED), "{").unwrap();
        assert!(matches!(read_pairing(state.path()), Err(StateError::Json { .. })));
        fs::remove_file(state.path().join(PAIRED)).unwrap();
        fs::create_dir(state.path().join("state")).unwrap();
        fs::write(state.path().join(DATABASE), "no database, but long enough to look at as one").unwrap();
        assert!(matches!(read_pairing(state.path()), Err(StateError::Database { .. })));
    }
}
