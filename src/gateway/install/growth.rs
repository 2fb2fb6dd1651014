//! Tells how much of a package is there while a package manager that says nothing unpacks it.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::command::Cancel;
use super::digest::tree_bytes;
use super::event::{CachePart, InstallAmount, InstallEvent, InstallProgress, report};

/// How often a folder is looked at.
const LOOK: Duration = Duration::from_millis(700);

/// Does `work`, which unpacks into a folder, and meanwhile tells how many bytes are there. `size` asks how many there will
/// be; it is cancelled when the work is done before the answer.
pub(super) fn while_growing<T>(
    folder: &Path,
    part: &CachePart,
    size: impl FnOnce(&Cancel) -> Option<u64> + Send,
    progress: &dyn InstallProgress,
    work: impl FnOnce() -> T,
) -> T {
    let all = Mutex::new(None);
    let asking = Cancel::default();
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let known = size(&asking);
            *all.lock() = known;
        });
        scope.spawn(|| {
            let is_done = is_done;
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                // Files come and go while they are unpacked; the next look is as good.
                let Ok(here) = tree_bytes(folder) else { continue };
                let amount = Some(InstallAmount::Bytes(here, *all.lock()));
                let text = "unpacking".to_owned();
                report(progress, InstallEvent::Advanced { part: part.clone(), text, amount });
            }
        });
        let result = work();
        asking.set();
        drop(done);
        result
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_folder_that_grows_is_told_of_and_nothing_waits_for_the_answer_of_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), vec![7; 5000]).unwrap();
        let told = Mutex::new(Vec::new());
        let progress = |event: InstallEvent| told.lock().push(event);
        let part = CachePart::Pnpm("10".to_owned());
        let begun = Instant::now();
        let patient = |cancel: &Cancel| {
            while !cancel.is_set() && begun.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
            None
        };
        let result = while_growing(folder.path(), &part, patient, &progress, || {
            while told.lock().is_empty() && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(5));
            }
            3
        });
        assert_eq!(result, 3);
        assert!(begun.elapsed() < Duration::from_secs(10));
        let first = told.lock().first().cloned();
        let Some(InstallEvent::Advanced { amount: Some(InstallAmount::Bytes(here, None)), .. }) = first
        else {
            panic!("{first:?}")
        };
        assert!(here >= 5000, "{here}");
    }
}
