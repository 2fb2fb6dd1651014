//! Learns what a gateway does as a machine, and compares machines.
//!
//! [`Learner`] decides what to ask and is pure; [`learn`] asks it of a target.

mod alphabet;
mod answer;
mod compare;
mod conformance;
mod drive;
mod finding;
mod gateways;
mod learner;
mod machine;
mod minimal;
mod random;
mod separation;
mod study;
mod tree;

pub use alphabet::{Alphabet, AlphabetError};
pub use answer::Answer;
pub use compare::{DistinguishingWord, MachineChange, change, distinguishing_words};
pub use conformance::{random_walks, wp_words};
pub use drive::{LearnError, LearnProgress, LearnRequest, Learnt, Nondeterminism, learn, written};
pub use gateways::AskError;
pub use learner::{Learner, Next, Purpose, Thoroughness};
pub use machine::{Edge, Input, Machine, MachineError, State, Word};
pub use minimal::minimal;
pub use separation::{Separation, separation};
pub use study::{MachineComparison, ShownWord, StudiedTarget, Study};
pub use tree::{Contradiction, ObservationTree};
