//! Sends a plain HTTP request.

use super::perform::Perform;
use crate::client::{PlainAnswer, PlainRequest};
use crate::run::context::CaseContext;
use crate::run::network::PlannedConnection;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, HttpRequest};
use crate::verdict::Outcome;
use crate::wire::Close;

impl Perform for HttpRequest {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let endpoint = context.endpoint(self.to.as_ref(), self.address, self.from).await?;
        let fill = |text: &Option<String>, usual: &str| bindings.fill_text(text.as_deref().unwrap_or(usual));
        let mut headers = Vec::new();
        for (name, value) in self.headers.iter() {
            headers.push((name.value.clone(), bindings.fill_text(value)?));
        }
        let body = self.body.as_ref().map(|body| bindings.fill(body)).transpose()?;
        let request = PlainRequest {
            method: fill(&self.method, "GET")?,
            target: fill(&self.target, "/")?,
            headers,
            body: body.map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned)),
        };
        let name = self.id.as_ref().map_or("http", |id| &id.value);
        let PlannedConnection { injection, held } = context.network.plan(name, None, &context.transcript);
        context.hold_back(name, held).await;
        let answer = request.send(&endpoint, context.within(self.within), injection.as_ref()).await;
        Ok(match answer.map_err(StepError::Http)? {
            PlainAnswer::Http { status, body } => Outcome::Http { status, body },
            PlainAnswer::Dropped => Outcome::Closed { close: Close::DROPPED, error: None },
            PlainAnswer::Silence => Outcome::Silence,
        })
    }
}
