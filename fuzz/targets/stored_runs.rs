//! Runs that were stored, by this program or somebody else's.

use bolero::check;
use gatecrash::report::{self, json, junit};
use gatecrash::run::{Ending, RunRecord};

#[test]
fn a_stored_run_is_read_as_it_is_written_or_refused() {
    check!().for_each(|bytes: &[u8]| {
        let Ok(loaded) = report::load(bytes) else { return };
        let record = &loaded.record;
        let again = report::load(json::render(record).as_bytes()).expect("what is written can be read");
        assert_eq!(&again.record, record, "a report says what the run was");
        if let Some(events) = &loaded.events {
            assert_eq!(&RunRecord::of(events), record);
        }
        assert_eq!(again.record.ending() == Ending::Whole, record.ending() == Ending::Whole);
        let _ = junit::render(record);
    });
}
