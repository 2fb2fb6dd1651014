//! Serves a model over real WebSocket connections on the loopback addresses.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::boundary::Boot;
use super::gateway::ModelGateway;
use super::mutants::Fault;
use super::profile::Profile;
use super::rules::RuleSet;
use super::service::{Clock, ServedModel, Service};
use super::socket::serve_connection;
use super::state::GatewayState;

/// The gateway to serve.
pub struct ServeOptions {
    /// The rules of the release.
    pub profile: Profile,
    /// The content of the gateway's configuration file.
    pub config: Value,
    /// The records that it starts with.
    pub state: GatewayState,
    /// The seed of ids, nonces and tokens.
    pub seed: u64,
    /// The planted fault, if any.
    pub fault: Option<Fault>,
    /// The state directory that it reports to clients.
    pub state_dir: String,
    /// Tells the time in milliseconds since 1970.
    pub clock: Clock,
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was wanted.
        address: SocketAddr,
        /// Why it cannot be bound.
        source: io::Error,
    },
}

/// A model that is being served. Dropping it stops the server.
pub struct Served {
    /// Its address on 127.0.0.1.
    pub v4: SocketAddr,
    /// Its address on `[::1]`; `None` if the machine has no IPv6.
    pub v6: Option<SocketAddr>,
    shared: Arc<Service>,
    tasks: TaskTracker,
}

/// Serves a model on a free port of 127.0.0.1 and, if possible, on the same port of `[::1]`. It answers as soon as this
/// returns.
///
/// # Errors
/// Fails if no port on 127.0.0.1 can be bound.
pub async fn serve(options: ServeOptions) -> Result<Served, ServeError> {
    serve_on(0, options).await
}

/// Serves a model on a given port of the loopback addresses; 0 stands for any free one.
///
/// # Errors
/// Fails if the port on 127.0.0.1 cannot be bound.
pub async fn serve_on(port: u16, options: ServeOptions) -> Result<Served, ServeError> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v4 = listen(wanted).await?;
    let address = v4.local_addr().map_err(|source| ServeError::Listen { address: wanted, source })?;
    let v6 = match listen(SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()))).await {
        Ok(listener) => Some(listener),
        Err(_) => listen(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).await.ok(),
    };
    let now = (options.clock)();
    let gateway = ModelGateway::new(Boot {
        profile: options.profile,
        config: &options.config,
        state: options.state,
        seed: options.seed,
        fault: options.fault,
        now,
        state_dir: &options.state_dir,
    });
    let deadline = gateway.next_deadline();
    let shared = Arc::new(Service {
        model: Mutex::new(ServedModel { gateway, next: 1, commands: HashMap::new(), deadline }),
        clock: options.clock,
        woken: Notify::new(),
        stopped: CancellationToken::new(),
    });
    let tasks = TaskTracker::new();
    let served = Served {
        v4: address,
        v6: v6.as_ref().and_then(|listener| listener.local_addr().ok()),
        shared: Arc::clone(&shared),
        tasks: tasks.clone(),
    };
    for listener in [Some(v4), v6].into_iter().flatten() {
        tasks.spawn(accept(listener, Arc::clone(&shared), tasks.clone()));
    }
    tasks.spawn(keep_time(shared));
    Ok(served)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

impl Served {
    /// The records that the gateway has now.
    pub fn state(&self) -> GatewayState {
        self.shared.lock().gateway.state().clone()
    }

    /// The rules that decided something so far.
    pub fn fired(&self) -> RuleSet {
        self.shared.lock().gateway.fired()
    }

    /// The rules of the release that runs now.
    pub fn profile(&self) -> Profile {
        self.shared.lock().gateway.profile().clone()
    }

    /// Stops and starts again with the same records on the same ports, under these rules and this configuration: a
    /// restart, or an upgrade.
    pub fn restart_as(&self, profile: Profile, config: &Value) {
        let now = self.shared.now();
        let mut held = self.shared.lock();
        let closes = held.gateway.restart(profile, Some(config), now);
        held.carry_out(closes);
    }

    /// Does what is due by its clock, which has been set forward.
    pub fn tick(&self) {
        let now = self.shared.now();
        let mut held = self.shared.lock();
        let effects = held.gateway.tick(now);
        held.carry_out(effects);
        held.deadline = held.gateway.next_deadline().max(now + 1);
        drop(held);
        self.shared.woken.notify_waiters();
    }

    /// Stops the server, waits until its connections have ended, and returns its records.
    pub async fn stop(self) -> GatewayState {
        self.shared.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.state()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shared.stopped.cancel();
    }
}

async fn keep_time(shared: Arc<Service>) {
    loop {
        let now = shared.now();
        let wait = {
            let mut held = shared.lock();
            if now >= held.deadline {
                let effects = held.gateway.tick(now);
                held.carry_out(effects);
                held.deadline = held.gateway.next_deadline().max(now + 1);
            }
            held.deadline.saturating_sub(now)
        };
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            () = shared.woken.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Service>, tasks: TaskTracker) {
    loop {
        tokio::select! {
            () = shared.stopped.cancelled() => return,
            accepted = listener.accept() => {
                if let Ok((stream, address)) = accepted {
                    tasks.spawn(serve_connection(stream, address, Arc::clone(&shared)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use serde_json::json;
    use tokio_tungstenite::connect_async;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::{Error, Message};

    use super::*;
    use crate::model::driver::{START, TOKEN, cli};
    use crate::model::profile::NEWEST;

    fn config() -> Value {
        json!({"gateway": {"auth": {"mode": "token", "token": TOKEN}}})
    }

    async fn started() -> Served {
        let options = ServeOptions {
            profile: Profile::of(NEWEST),
            config: config(),
            state: GatewayState::default(),
            seed: 1,
            fault: None,
            state_dir: "/state".into(),
            clock: Arc::new(|| START),
        };
        serve(options).await.unwrap()
    }

    /// The answer to the connect of a command line client.
    async fn shake(address: SocketAddr) -> Value {
        let (mut socket, _) = connect_async(format!("ws://{address}")).await.unwrap();
        let challenge = socket.next().await.unwrap().unwrap();
        let challenge: Value = serde_json::from_str(challenge.to_text().unwrap()).unwrap();
        let nonce = challenge["payload"]["nonce"].as_str().unwrap();
        let request = cli("a").request(nonce, START).to_string();
        socket.send(Message::text(request)).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        serde_json::from_str(answer.to_text().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn both_loopback_addresses_answer_and_restarts_keep_the_state() {
        let served = started().await;
        assert_eq!(shake(served.v4).await["payload"]["type"], "hello-ok");
        if let Some(v6) = served.v6 {
            assert_eq!(shake(v6).await["payload"]["type"], "hello-ok");
        }
        served.restart_as(served.profile(), &config());
        assert!(served.state().paired.contains_key(&cli("a").device_id()));
        served.restart_as(Profile::of("2026.3.31".parse().unwrap()), &config());
        assert_eq!(shake(served.v4).await["payload"]["protocol"], 3);
        assert_eq!(served.stop().await.paired.len(), 1);
    }

    #[tokio::test]
    async fn a_refused_client_gets_an_answer_and_a_close() {
        let served = started().await;
        let mut request = format!("ws://{}", served.v4).into_client_request().unwrap();
        request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        let challenge = socket.next().await.unwrap().unwrap();
        let challenge: Value = serde_json::from_str(challenge.to_text().unwrap()).unwrap();
        let nonce = challenge["payload"]["nonce"].as_str().unwrap();
        socket.send(Message::text(cli("a").request(nonce, START).to_string())).await.unwrap();
        let answer: Value =
            serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(answer["error"]["details"]["code"], "CONTROL_UI_ORIGIN_NOT_ALLOWED");
        let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("a close") };
        assert_eq!(u16::from(frame.code), 1008);
    }

    #[tokio::test]
    async fn an_unattributed_proxy_gets_403_instead_of_an_upgrade() {
        let served = started().await;
        let mut request = format!("ws://{}", served.v4).into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
        let Err(Error::Http(response)) = connect_async(request).await else { panic!("a refusal") };
        assert_eq!(response.status().as_u16(), 403);
        let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
        assert!(body.contains("proxy_attribution_required"), "{body}");
    }

    #[tokio::test]
    async fn many_models_run_at_once() {
        let all = futures_util::future::join_all((0..20).map(|_| started())).await;
        let answers = futures_util::future::join_all(all.iter().map(|served| shake(served.v4))).await;
        assert!(answers.iter().all(|answer| answer["ok"] == true));
    }
}
