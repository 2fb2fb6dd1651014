//! Mutation testing: which faults planted into the model or into the code of a release the suite notices.

mod fresh;
mod hunt;
mod operators;
mod outcome;
mod reach;
mod score;
mod switchable;
#[cfg(test)]
mod test_support;
mod trial;
mod trials;
mod worker;

pub use hunt::{HuntProgress, HuntRequest, HuntTell, hunt};
pub use operators::{CodeMutant, Operator, Shape, mutants_of};
pub use outcome::{
    CodeScore, EQUIVALENT, Equivalents, EquivalentsError, MUTANTS_FORMAT, MutantReport, report_of,
};
pub use reach::{Reach, reach};
pub use score::{MutantFate, Score};
pub use switchable::{DECIDES, switchable};
pub use trial::{MutantVerdict, PATIENCE, Trial, TrialError, TrialRequest, by_operator, sample};
pub use trials::{TrialProgress, try_all};
