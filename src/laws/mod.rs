//! Laws that every gateway has to obey: as data with their grounds, and as checks of what happened to devices.

mod book;
mod implied;
mod trace;
mod watch;

pub use book::{BUILT_IN, KnownBreach, Law, LawBook, LawBookError, LawName, Narrowing};
pub use implied::implied;
pub use trace::{Ending, Origin, Shown, StoredRecord, TokenOf, TraceConnect, TraceEvent};
pub use watch::{Breach, breaches};
