//! Streams events while a run goes on.

use std::io::{self, Write};

use super::events::line;
use super::{ReportDestination, ReportKind, ReportRequest, WriteReportError};
use crate::run::Event;

/// The stream of `--report events=-`: readers of standard output get each event when it happens, even if the run does not
/// finish.
pub struct EventStream<W> {
    to: Option<W>,
    failure: Option<io::Error>,
}

impl<W: Write> EventStream<W> {
    /// A stream to standard output, if one of the reports asks for it.
    pub fn of(reports: &[ReportRequest], stdout: W) -> Self {
        Self { to: reports.iter().any(is_streamed).then_some(stdout), failure: None }
    }

    /// Whether a report asks for the stream.
    pub const fn is_open(&self) -> bool {
        self.to.is_some()
    }

    /// Writes an event. After a failure, nothing more is written.
    pub fn take(&mut self, event: &Event) {
        let Some(to) = &mut self.to else { return };
        if let Err(error) = to.write_all(line(event).as_bytes()).and_then(|()| to.flush()) {
            self.failure = Some(error);
            self.to = None;
        }
    }

    /// The reports that remain to be written after the run.
    ///
    /// # Errors
    ///
    /// Fails if an event could not be written.
    pub fn finish(self, reports: &[ReportRequest]) -> Result<Vec<ReportRequest>, WriteReportError> {
        let (streamed, rest): (Vec<ReportRequest>, _) = reports.iter().cloned().partition(is_streamed);
        match (self.failure, streamed.into_iter().next()) {
            (Some(source), Some(report)) => Err(WriteReportError::Write { report, source }),
            _ => Ok(rest),
        }
    }
}

fn is_streamed(report: &ReportRequest) -> bool {
    *report == ReportRequest { kind: ReportKind::Events, to: ReportDestination::Stdout }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::{events, sample};

    /// Takes this many bytes in complete lines, and is closed then.
    struct Pipe(Vec<u8>, usize);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reports(of: &[&str]) -> Vec<ReportRequest> {
        of.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn each_event_is_written_when_it_happens() {
        let happened = sample::events();
        let reports = reports(&["json=run.json", "events=-"]);
        let mut to = Pipe(Vec::new(), usize::MAX);
        let mut stream = EventStream::of(&reports, &mut to);
        for (count, event) in (1..).zip(&happened) {
            stream.take(event);
            let written = &stream.to.as_ref().unwrap().0;
            assert_eq!(String::from_utf8_lossy(written), events::render(&happened[..count]));
        }
        assert_eq!(stream.finish(&reports).unwrap(), reports[..1]);
    }

    #[rstest]
    #[case::another_kind(&["json=-"])]
    #[case::a_file(&["events=run.events"])]
    #[case::nothing(&[])]
    fn what_is_no_stream_is_left_for_later(#[case] texts: &[&str]) {
        let reports = reports(texts);
        let mut to = Pipe(Vec::new(), 0);
        let mut stream = EventStream::of(&reports, &mut to);
        for event in &sample::events() {
            stream.take(event);
        }
        assert_eq!(stream.finish(&reports).unwrap(), reports);
    }

    #[test]
    fn a_closed_reader_is_reported_once() {
        let happened = sample::events();
        let first = events::render(&happened[..1]);
        let reports = reports(&["events=-"]);
        let mut to = Pipe(Vec::new(), first.len());
        let mut stream = EventStream::of(&reports, &mut to);
        for event in &happened {
            stream.take(event);
        }
        let error = stream.finish(&reports).unwrap_err();
        assert_eq!(error.to_string(), "the report `events=-` cannot be written");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "broken pipe");
        assert_eq!(String::from_utf8_lossy(&to.0), first);
    }
}
