//! What all verbs have in common.

use std::sync::Arc;

use crate::release::Release;
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::saved::Saved;
use crate::scenario::source::Source;
use crate::scenario::span::{Span, Spanned};

/// What the rest of the crate asks a step without knowing its verb. The answers are those of a verb that has nothing
/// of the kind.
pub trait Verb {
    /// Itself, as any verb.
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

    /// The name of a step that is given none, where that is not the verb.
    fn implied_id(&self) -> Option<&str> {
        None
    }

    /// The expectation that is written down.
    fn expect(&self) -> Option<&Spanned<Expectation>> {
        None
    }

    /// The outcome that is right where none is written down.
    fn default_expectation(&self) -> Option<Expectation> {
        None
    }

    /// The outcomes that the step can have.
    fn outcomes(&self) -> &'static [ExpectationKind] {
        &[]
    }

    /// Names for parts of the answer, each with a JSON pointer.
    fn saves(&self) -> Option<&Entries<Spanned<Saved>>> {
        None
    }

    /// The connection that the step opens.
    fn opens(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The open connection that the step works on.
    fn works_on(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The gateway that the step starts beside the one under test, where later steps may name it.
    fn starts_gateway(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The gateway that the step connects to, where that is not the one under test.
    fn reaches(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The connection that the step ends from this side.
    fn ends(&self) -> Option<&Spanned<String>> {
        None
    }

    /// The connection or program whose part of the transcript shows the step.
    fn transcript_of(&self) -> Option<&str> {
        self.works_on().or_else(|| self.opens()).map(|name| name.value.as_str())
    }

    /// The device that the step is about.
    fn device(&self) -> Option<&Spanned<String>> {
        None
    }

    /// Whether the step is about the identity in the gateway's home, which its programs share.
    fn uses_home_identity(&self) -> bool {
        false
    }

    /// Whether the step may leave that identity there.
    fn makes_home_identity(&self) -> bool {
        false
    }

    /// Whether the step is about a program beside the gateway, or about the identity that those share.
    fn is_of_a_program(&self) -> bool {
        false
    }

    /// Whether the gateway is stopped for the step, which ends every connection.
    fn stops_the_gateway(&self) -> bool {
        false
    }

    /// Whether the step changes what other scenarios on the same gateway rely on.
    fn changes_the_home(&self) -> bool {
        self.is_of_a_program()
    }

    /// Whether the step needs a gateway that runs.
    fn needs_the_gateway(&self) -> bool {
        true
    }

    /// Whether silence is an answer of the step, rather than something that did not come in time.
    fn answers_with_silence(&self) -> bool {
        false
    }

    /// Another release that the step boots, or whose program it starts.
    fn other_release(&self) -> Option<Release> {
        None
    }

    /// What a target must be able to do for it.
    fn needs(&self) -> Vec<Capability> {
        Vec::new()
    }

    /// Checks what the step says by itself and about what was before it.
    fn check(&self, _site: &Site<'_>) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// Where a step stands.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// Its place in the text.
    pub span: Span,
    /// The file it was written in.
    pub source: &'a Arc<Source>,
    /// What was before it.
    pub earlier: &'a Earlier,
}

impl Site<'_> {
    /// An error at a place of the step.
    pub(super) fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(code, message, self.source, span)
    }
}

/// What was before a step.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// Names of the steps.
    pub steps: Vec<String>,
    /// Connections that were opened.
    pub connections: Vec<String>,
    /// Programs that were started.
    pub programs: Vec<String>,
    /// Gateways that were started beside the one under test.
    pub gateways: Vec<String>,
    /// Whether the scenario has its gateway to itself.
    pub has_own_gateway: bool,
}

/// The keys that most verbs have, each read from the field of the same name.
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
