//! Sends a raw frame.

use super::perform::{Perform, outcome_of};
use crate::run::context::{CaseContext, Opening};
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Send};
use crate::verdict::Outcome;

impl Perform for Send {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let connection = match (&self.on, &self.name) {
            (Some(on), _) => context.connection(on)?,
            (None, Some(name)) => {
                let opening = Opening {
                    name: &name.value,
                    to: self.to.as_ref(),
                    address: self.address,
                    from: self.from,
                    tls: None,
                    headers: &self.headers,
                    network: self.network.as_ref(),
                };
                match context.open(&opening).await? {
                    Ok(connection) => context.sockets.keep(connection, self.may_close.is_some()),
                    Err(outcome) => return Ok(outcome),
                }
            }
            (None, None) => return Err(StepError::Broken("`send` needs a connection".to_owned())),
        };
        if self.name.is_some() && !self.before_challenge {
            match connection.challenge(context.lane.timeout()).await {
                Some(Ok(nonce)) => context.challenged(connection.name(), &nonce),
                Some(Err(end)) => return Ok(Outcome::of_end(end, None)),
                None => return Ok(Outcome::Silence),
            }
        }
        if let Some(hex) = &self.binary {
            connection.send_binary(bytes_of(&hex.value)).await;
        } else if self.text.is_some() || self.json.is_some() {
            let text = match &self.json {
                Some(value) => bindings.fill(value)?.to_string(),
                None => bindings.fill_text(self.text.as_deref().unwrap_or_default())?,
            };
            connection.send_text(padded(text, self.pad_to.unwrap_or(0))).await;
        }
        Ok(outcome_of(connection.any_answer(context.within_or_silence(self.within, right)).await))
    }
}

/// Pads a text with spaces to this many bytes. (`format!` only supports widths up to 65535.)
fn padded(mut text: String, bytes: usize) -> String {
    let missing = bytes.saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The bytes of a hexadecimal text, with or without spaces; `check` rejects other texts, which give no bytes.
fn bytes_of(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    hex::decode(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_can_be_padded_beyond_64_kib() {
        assert_eq!(padded("ä".to_owned(), 65_537).len(), 65_537);
        assert_eq!(padded("long".to_owned(), 2), "long");
    }

    #[test]
    fn a_hexadecimal_text_may_have_spaces() {
        assert_eq!(bytes_of("00 fF 1a"), [0x00, 0xff, 0x1a]);
        assert!(bytes_of("0").is_empty());
    }
}
