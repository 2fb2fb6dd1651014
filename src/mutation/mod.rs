//! How strong a suite is: which faults planted into the model it notices.

mod hunt;
mod score;

pub use hunt::{HuntRequest, hunt};
pub use score::{Fate, Score};
