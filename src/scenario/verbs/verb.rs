//! What all verbs have in common.

use std::sync::Arc;

use crate::release::Release;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::network::Network;
use crate::scenario::saved::Saved;
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};

/// Properties of a step that the rest of the crate needs without knowing the verb. The defaults suit a verb to which
/// a property does not apply.
pub trait Verb {
    /// This verb, as a trait object.
    fn as_verb(&self) -> &dyn Verb
    where
        Self: Sized,
    {
        self
    }

    /// The name that the scenario gives the step.
    fn id(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The default name of the step, if that is not the verb.
    fn implied_id(&self) -> Option<&str> {
        None
    }

    /// The expectation that the scenario gives.
    fn expect(&self) -> Option<&Spanned<Expectation>> {
        None
    }

    /// The expectation if the scenario gives none.
    fn default_expectation(&self) -> Option<Expectation> {
        None
    }

    /// The kinds of outcome that the step can have.
    fn outcomes(&self) -> &'static [ExpectationKind] {
        &[]
    }

    /// The parts of the answer that the step saves, by name.
    fn saves(&self) -> Option<&Entries<Spanned<Saved>>> {
        None
    }

    /// The connection that the step opens.
    fn opens(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The open connection that the step uses.
    fn works_on(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The named gateway that the step starts next to the one under test.
    fn starts_gateway(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The named gateway that the step connects to; `None` for the one under test.
    fn reaches(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The network of the connection that the step opens, if the scenario asks for one.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// The connection that the step ends from the client's side.
    fn ends(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The connection or program whose entries in the transcript belong to the step.
    fn transcript_of(&self) -> Option<&str> {
        self.works_on().or_else(|| self.opens()).map(|name| name.value.as_str())
    }

    /// The device that the step is about.
    fn device(&self) -> Option<&Spanned<String>> {
        None
    }

    /// Whether the step uses the identity in the gateway's home, which is shared by its programs.
    fn uses_home_identity(&self) -> bool {
        false
    }

    /// Whether the step may create that identity.
    fn makes_home_identity(&self) -> bool {
        false
    }

    /// Whether the step runs a program next to the gateway, or uses the identity shared by those programs.
    fn is_of_a_program(&self) -> bool {
        false
    }

    /// Whether the step stops the gateway, which ends every connection.
    fn stops_the_gateway(&self) -> bool {
        false
    }

    /// Whether the step changes what other scenarios on the same gateway rely on.
    fn changes_the_home(&self) -> bool {
        self.is_of_a_program()
    }

    /// Whether the step needs a running gateway.
    fn needs_the_gateway(&self) -> bool {
        true
    }

    /// Whether silence is a regular outcome of the step, rather than a timeout.
    fn answers_with_silence(&self) -> bool {
        false
    }

    /// How long the step waits at most, if the scenario says so.
    fn patience(&self) -> Option<Millis> {
        None
    }

    /// What the step waits for, in words.
    fn awaits(&self) -> &'static str {
        "its outcome"
    }

    /// Another release that the step boots, or whose program it runs.
    fn other_release(&self) -> Option<Release> {
        None
    }

    /// The capabilities that a target needs for the step.
    fn needs(&self) -> Vec<Capability> {
        Vec::new()
    }

    /// Checks the step on its own and against the steps before it.
    fn check(&self, _site: &StepSite<'_>) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// The position of a step in its file and in the scenario.
#[derive(Clone, Copy)]
pub struct StepSite<'a> {
    /// Its position in the text.
    pub span: Span,
    /// The file it is written in.
    pub source: &'a Arc<Source>,
    /// What precedes it in the scenario.
    pub earlier: &'a Earlier,
}

impl StepSite<'_> {
    /// An error at a position within the step.
    pub(in crate::scenario) fn error(
        &self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
    ) -> Diagnostic {
        Diagnostic::error(code, message, self.source, span)
    }
}

/// What precedes a step in the scenario.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// Names of the earlier steps.
    pub steps: Vec<String>,
    /// Connections that they open.
    pub connections: Vec<String>,
    /// Programs that they run.
    pub programs: Vec<String>,
    /// Named gateways that they start.
    pub gateways: Vec<String>,
    /// Whether the scenario has its gateway to itself.
    pub has_own_gateway: bool,
}

/// Implements the accessors for keys that most verbs have, from fields of the same name.
macro_rules! envelope {
    (@id) => {
        fn id(&self) -> Option<&Spanned<String>> {
            self.id.as_ref()
        }
    };
    (@expect) => {
        fn expect(&self) -> Option<&Spanned<Expectation>> {
            self.expect.as_ref()
        }
    };
    (@within) => {
        fn patience(&self) -> Option<Millis> {
            self.within
        }
    };
    (@save) => {
        fn saves(&self) -> Option<&Entries<Spanned<Saved>>> {
            Some(&self.save)
        }
    };
    ($($key:ident),+) => {
        $(envelope!(@$key);)+
    };
}
pub(super) use envelope;
