//! How strong a suite is: which faults planted into the model or into a release it notices.

mod hunt;
mod operators;
mod outcome;
mod score;
mod switchable;
#[cfg(test)]
mod test_support;
mod trial;

pub use hunt::{HuntRequest, hunt};
pub use operators::{CodeMutant, Operator, Shape, mutants_of};
pub use outcome::{
    CodeScore, EQUIVALENT, Equivalents, EquivalentsError, MUTANTS_FORMAT, MutantReport, report_of,
};
pub use score::{Fate, Score};
pub use switchable::{DECIDES, switchable};
pub use trial::{MutantVerdict, PATIENCE, Reach, Trial, TrialError, TrialRequest, by_operator, sample};
