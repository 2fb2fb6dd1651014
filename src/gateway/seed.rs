//! Seeds: records that are in a gateway's store before the first scenario talks to it.
//!
//! Paired records are placed as `devices/paired.json` before the first start: releases up to 2026.7.35 read the
//! file itself, newer ones import it, except 2026.9.5, which leaves that to `openclaw doctor --fix`. Pending
//! requests are read from `devices/pending.json` up to 2026.7.35; newer releases rename the file without reading it. What
//! the first start did not take goes into the database once the gateway runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde_json::{Map, Value};

use super::state::{BUSY, DATABASE, PAIRED, PENDING, StateError, StoredPairing, cell, columns_of, key_of};

/// The schema of 2026.8.1, the first that keeps the records of pairing in the database. Up to 2026.7.35 it is 1,
/// with the same tables, unused.
const PAIRING_SCHEMA: i64 = 15;

/// The records to place, as the JSON store writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seed {
    /// Approved devices by device id.
    pub paired: Map<String, Value>,
    /// Requests that wait for approval, by request id. Gateways forget them five minutes after `ts`.
    pub pending: Map<String, Value>,
}

impl Seed {
    /// The files to place in the state directory before the first boot.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let places = [(PAIRED, &self.paired), (PENDING, &self.pending)];
        let filled = places.into_iter().filter(|(_, records)| !records.is_empty());
        filled
            .map(|(place, records)| (place.into(), Value::Object(records.clone()).to_string().into_bytes()))
            .collect()
    }

    /// Adds stored records to those that it has.
    pub(super) fn add(&mut self, stored: StoredPairing) {
        self.paired.extend(stored.paired);
        self.pending.extend(stored.pending);
    }

    /// Places the records that the first start did not read. Call it when the gateway is ready; it reads records when it next
    /// uses them. A gateway with the JSON store has read the files itself.
    ///
    /// # Errors
    /// Fails if the store cannot be read or written.
    pub fn complete(&self, state: &Path) -> Result<(), StateError> {
        let path = state.join(DATABASE);
        if self.paired.is_empty() && self.pending.is_empty() || !path.exists() {
            return Ok(());
        }
        let left = state.join(PAIRED).exists();
        let took = self.insert(&path, left).map_err(|source| StateError::Database { path, source })?;
        if took {
            put_away(&state.join(PAIRED))?;
            put_away(&state.join(PENDING))?;
        }
        Ok(())
    }

    /// Places the records in the store of a running, idle gateway. Releases with the JSON store read it at every connect, and
    /// then have these records and no others; in a database other records remain.
    ///
    /// # Errors
    /// Fails if the store cannot be written.
    pub fn place(&self, state: &Path) -> Result<(), StateError> {
        let path = state.join(DATABASE);
        if path.exists()
            && self
                .insert(&path, true)
                .map_err(|source| StateError::Database { path: path.clone(), source })?
        {
            return Ok(());
        }
        for (place, records) in [(PAIRED, &self.paired), (PENDING, &self.pending)] {
            let path = state.join(place);
            let unwritten = |source| StateError::Io { path: path.clone(), source };
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(unwritten)?;
            }
            let beside = path.with_extension("json.gatecrash");
            fs::write(&beside, Value::Object(records.clone()).to_string()).map_err(unwritten)?;
            fs::rename(&beside, &path).map_err(unwritten)?;
        }
        Ok(())
    }

    /// Places the records in the store of a running, idle gateway instead of those that are there.
    ///
    /// # Errors
    /// Fails if the store cannot be read or written.
    pub fn replace(&self, state: &Path) -> Result<(), StateError> {
        let path = state.join(DATABASE);
        if path.exists() {
            remove_records(&path).map_err(|source| StateError::Database { path, source })?;
        }
        self.place(state)
    }

    /// Inserts the records if the gateway reads the database; returns whether it does.
    fn insert(&self, database: &Path, paired_too: bool) -> rusqlite::Result<bool> {
        let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY)?;
        let schema: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if schema < PAIRING_SCHEMA {
            return Ok(false);
        }
        // A transaction that reads before it writes fails at once if the gateway wrote in between.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if paired_too {
            insert(&transaction, "device_pairing_paired", "deviceId", &self.paired)?;
        }
        insert(&transaction, "device_pairing_pending", "requestId", &self.pending)?;
        transaction.commit()?;
        Ok(true)
    }
}

/// Removes all records of devices from a database, if it is one that has them.
fn remove_records(database: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in ["device_pairing_pending", "device_pairing_paired"] {
        if !columns_of(&transaction, table)?.is_empty() {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    transaction.commit()
}

/// Adds records to a table, each under its id. Records that the gateway has already are not changed.
fn insert(
    connection: &Connection,
    table: &str,
    key: &str,
    records: &Map<String, Value>,
) -> rusqlite::Result<()> {
    let columns = columns_of(connection, table)?;
    for (id, record) in records {
        let mut fields = record.as_object().cloned().unwrap_or_default();
        fields.insert(key.to_owned(), id.as_str().into());
        let known = columns.iter().filter_map(|column| Some((column, fields.get(&key_of(column))?)));
        let (names, values): (Vec<&str>, Vec<rusqlite::types::Value>) =
            known.map(|(column, value)| (column.as_str(), cell(column, value))).unzip();
        let marks = vec!["?"; names.len()].join(", ");
        let text =
            format!("INSERT INTO {table} ({}) VALUES ({marks}) ON CONFLICT DO NOTHING", names.join(", "));
        connection.execute(&text, rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

/// Renames a file as the gateways' own import does.
fn put_away(path: &Path) -> Result<(), StateError> {
    let mut away = path.as_os_str().to_owned();
    away.push(".migrated");
    match fs::rename(path, away) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StateError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::gateway::state::tests::database;
    use crate::gateway::state::{read_pairing, rows};

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn pending(id: &str, request: &Value) -> Seed {
        Seed { pending: map(&json!({id: request})), ..Seed::default() }
    }

    fn gateway_with_database(state: &Path) -> Connection {
        let connection = database(state);
        connection.pragma_update(None, "user_version", PAIRING_SCHEMA).unwrap();
        connection
    }

    #[test]
    fn only_seeded_records_get_a_file() {
        let mut seed = Seed::default();
        assert_eq!(seed.files(), []);
        seed.paired.insert("d1".into(), json!({"tokens": {}}));
        assert_eq!(seed.files(), [(PAIRED.into(), br#"{"d1":{"tokens":{}}}"#.to_vec())]);
        seed.pending.insert("r1".into(), json!({}));
        assert_eq!(seed.files().len(), 2);
    }

    #[test]
    fn a_json_store_needs_no_completion() {
        let state = tempfile::tempdir().unwrap();
        let seed = Seed { pending: Map::from_iter([("r1".to_owned(), json!({}))]), ..Seed::default() };
        assert!(seed.complete(state.path()).is_ok());
    }

    #[test]
    fn pending_requests_reach_a_database_that_is_in_use() {
        let state = tempfile::tempdir().unwrap();
        let gateway = gateway_with_database(state.path());
        let request = json!({"requestId": "r1", "deviceId": "d1", "publicKey": "k", "role": "node",
            "roles": ["node"], "scopes": [], "silent": false, "isRepair": true, "ts": 5});
        let mut unknown = request.clone();
        unknown["somethingElse"] = json!("left out");
        pending("r1", &unknown).complete(state.path()).unwrap();
        assert_eq!(read_pairing(state.path()).unwrap().pending, map(&json!({"r1": request})));
        drop(gateway);
    }

    #[test]
    fn pending_requests_wait_for_a_transaction_of_the_gateway() {
        let state = tempfile::tempdir().unwrap();
        let mut gateway = gateway_with_database(state.path());
        let (begun, writing) = std::sync::mpsc::channel();
        let gateway = std::thread::spawn(move || {
            let write = gateway.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            let insert =
                "INSERT INTO device_pairing_paired VALUES ('d2', 'k', 'operator', '[]', '[]', '{}', 1, 2)";
            write.execute(insert, []).unwrap();
            begun.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            write.commit().unwrap();
            gateway
        });
        writing.recv().unwrap();
        let request = json!({"deviceId": "d1", "publicKey": "k", "ts": 5});
        pending("r1", &request).complete(state.path()).unwrap();
        let stored = read_pairing(state.path()).unwrap();
        assert!(stored.paired.contains_key("d2") && stored.pending.contains_key("r1"));
        drop(gateway.join().unwrap());
    }

    #[test]
    fn records_of_a_running_gateway_are_replaced() {
        let state = tempfile::tempdir().unwrap();
        let gateway = gateway_with_database(state.path());
        let request = |device: &str| json!({"deviceId": device, "publicKey": "k", "ts": 5});
        pending("r1", &request("d1")).replace(state.path()).unwrap();
        pending("r2", &request("d2")).replace(state.path()).unwrap();
        let stored = read_pairing(state.path()).unwrap();
        assert_eq!(stored.pending.keys().collect::<Vec<_>>(), ["r2"]);
        drop(gateway);
    }

    #[rstest]
    #[case::imported(PAIRING_SCHEMA, false, false)]
    #[case::left_to_a_repair(PAIRING_SCHEMA, true, true)]
    #[case::read_as_a_file(1, true, false)]
    fn paired_records_go_into_the_database_if_the_first_start_did_not_import_them(
        #[case] schema: i64,
        #[case] file_is_left: bool,
        #[case] taken_in: bool,
    ) {
        let state = tempfile::tempdir().unwrap();
        let gateway = gateway_with_database(state.path());
        gateway.pragma_update(None, "user_version", schema).unwrap();
        let record = json!({"deviceId": "d1", "publicKey": "k", "role": "operator", "roles": ["operator"],
            "approvedScopes": [], "tokens": {}, "createdAtMs": 1, "approvedAtMs": 2});
        let paired = map(&json!({"d1": record}));
        if file_is_left {
            fs::create_dir(state.path().join("devices")).unwrap();
            fs::write(state.path().join(PAIRED), json!(paired).to_string()).unwrap();
        }
        Seed { paired, ..Seed::default() }.complete(state.path()).unwrap();
        let rows = rows(&gateway, "device_pairing_paired", "deviceId").unwrap();
        assert_eq!(rows.get("d1"), taken_in.then_some(&record));
        assert_eq!(state.path().join(PAIRED).exists(), file_is_left && !taken_in);
    }
}
