//! A language model that says what a scenario scripts: an OpenAI-compatible streaming endpoint on loopback.
//!
//! Releases from 2026.2.12 on call only `POST /v1/chat/completions` with `stream: true`. The second request of
//! a turn ends with messages of the role `tool`: their content is what a tool really answered.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The name of the provider in the configuration.
const PROVIDER: &str = "scripted";
/// The longest request that is read.
const LONGEST: usize = 16 << 20;
const HEADERS: usize = 64;

/// The reply of the model to one request.
#[derive(Clone, Debug, PartialEq)]
pub enum ScriptedReply {
    /// Calls a tool.
    Call {
        /// The name of the tool, such as `exec`.
        tool: String,
        /// The arguments of the call.
        arguments: Value,
    },
    /// Says a text, which ends the turn.
    Say(String),
}

/// A scripted model that listens on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    script: Arc<Mutex<ModelScript>>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct ModelScript {
    replies: VecDeque<ScriptedReply>,
    requests: Vec<Value>,
    calls: usize,
}

impl ScriptedModel {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Fails if no port can be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let script: Arc<Mutex<ModelScript>> = Arc::default();
        let shared = Arc::clone(&script);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                // A client may disconnect in the middle of an answer.
                tokio::spawn(async move { serve(stream, &script).await });
            }
        });
        Ok(Self { address, script, serving })
    }

    /// The configuration of a gateway that makes this its model.
    pub fn config(&self) -> Value {
        let model = json!({
            "id": "m1", "name": "m1", "reasoning": false, "input": ["text"],
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
            "contextWindow": 128_000, "maxTokens": 4096,
        });
        let provider = json!({
            "baseUrl": format!("http://{}/v1", self.address),
            "apiKey": "scripted-model", "api": "openai-completions", "models": [model],
        });
        json!({
            "models": {"mode": "replace", "providers": {PROVIDER: provider}},
            "agents": {"defaults": {
                "model": {"primary": format!("{PROVIDER}/m1")},
                "skipBootstrap": true,
                "heartbeat": {"every": "0m"},
            }},
        })
    }

    /// Sets what it says, request by request; after the last reply it says `done`.
    pub fn set(&self, replies: Vec<ScriptedReply>) {
        self.with(|script| script.replies = replies.into());
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        self.with(|script| script.requests.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut ModelScript) -> T) -> T {
        act(&mut self.script.lock())
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the tools answered last in any of these requests: a release may send other requests afterwards.
pub fn tool_results(requests: &[Value]) -> Vec<String> {
    requests.iter().rev().map(tool_results_in).find(|results| !results.is_empty()).unwrap_or_default()
}

/// The contents of the `tool` messages after the last `assistant` message: earlier ones were answered already. A `user`
/// message does not separate them, since 2026.9.6 puts one with its own context at the end of every request.
fn tool_results_in(request: &Value) -> Vec<String> {
    let messages = request.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is = |message: &Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    let Some(last) = messages.iter().rposition(|message| is(message, "assistant")) else { return Vec::new() };
    let tools = messages[last..].iter().filter(|message| is(message, "tool"));
    tools.filter_map(|message| message.get("content")).map(text_of).collect()
}

/// The text of a content, which is a text or a list of parts with texts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join("\n")
        }
        other => other.to_string(),
    }
}

async fn serve(mut stream: TcpStream, script: &Mutex<ModelScript>) {
    let Ok(Some(request)) = read_request(&mut stream).await else {
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
        return;
    };
    let body = {
        let mut script = script.lock();
        script.requests.push(request);
        let reply = script.replies.pop_front().unwrap_or_else(|| ScriptedReply::Say("done".to_owned()));
        script.calls += 1;
        answer(&reply, script.calls)
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The body of a `POST` as JSON; none if it is not a model request.
async fn read_request(stream: &mut TcpStream) -> io::Result<Option<Value>> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 || bytes.len() > LONGEST {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let at = match request.parse(&bytes) {
            Ok(httparse::Status::Complete(at)) => at,
            Ok(httparse::Status::Partial) => continue,
            Err(_) => return Ok(None),
        };
        let length = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length <= LONGEST) else { return Ok(None) };
        while bytes.len() < at + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        }
        return Ok(serde_json::from_slice(&bytes[at..at + length]).ok());
    }
}

/// The chunks of a streamed answer.
fn answer(reply: &ScriptedReply, number: usize) -> String {
    let (delta, reason) = match reply {
        ScriptedReply::Say(text) => (json!({"role": "assistant", "content": text}), "stop"),
        ScriptedReply::Call { tool, arguments } => {
            let function = json!({"name": tool, "arguments": arguments.to_string()});
            let call =
                json!({"index": 0, "id": format!("call_{number}"), "type": "function", "function": function});
            (json!({"role": "assistant", "tool_calls": [call]}), "tool_calls")
        }
    };
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        let chunk = json!({
            "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": 0,
            "model": "m1", "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let first = chunk(delta, Value::Null);
    let last = chunk(json!({}), reason.into());
    format!("{first}{last}data: [DONE]\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(model: &ScriptedModel, request: &Value) -> String {
        let body = request.to_string();
        let head = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(model.address).await.unwrap();
        // In two pieces, as a network may deliver it.
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_replies_as_scripted_and_keeps_the_requests() {
        let model = ScriptedModel::start().await.unwrap();
        let call = ScriptedReply::Call { tool: "exec".into(), arguments: json!({"command": "echo hi"}) };
        model.set(vec![call]);
        let first = ask(&model, &json!({"messages": [{"role": "user", "content": "go"}]})).await;
        assert!(first.contains(r#""name":"exec","arguments":"{\"command\":\"echo hi\"}""#), "{first}");
        assert!(first.contains(r#""finish_reason":"tool_calls""#) && first.ends_with("data: [DONE]\n\n"));
        let second = json!({"messages": [
            {"role": "tool", "content": "of an earlier turn"}, {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": []},
            {"role": "tool", "content": [{"type": "text", "text": "hi"}]},
        ]});
        assert!(ask(&model, &second).await.contains(r#""content":"done""#));
        assert_eq!(model.requests().len(), 2);
        assert_eq!(tool_results_in(&model.requests()[1]), ["hi"]);
    }

    #[tokio::test]
    async fn what_is_not_a_model_request_is_refused() {
        let model = ScriptedModel::start().await.unwrap();
        let mut stream = TcpStream::connect(model.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(model.requests().is_empty());
    }

    #[test]
    fn the_latest_answers_of_tools_are_found_among_later_requests() {
        let answered = json!({"messages": [
            {"role": "user", "content": "an earlier turn"}, {"role": "assistant", "tool_calls": []},
            {"role": "tool", "content": "old"}, {"role": "assistant", "content": "done"},
            {"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": []},
            {"role": "tool", "content": "hi"}, {"role": "user", "content": "context of the release"},
        ]});
        let title = json!({"messages": [{"role": "user", "content": "name this conversation"}]});
        assert_eq!(tool_results(&[title.clone(), answered, title.clone()]), ["hi"]);
        assert_eq!(tool_results(&[title]), Vec::<String>::new());
    }
}
