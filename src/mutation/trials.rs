//! Runs the suite against mutants of the code of a release.
//!
//! All mutants are in one private copy of the package (see [`super::switchable`]), and it is known which scenario reaches
//! which of them (see [`super::reach`]). Each mutant is tried with the scenarios that reach it, until one of them no longer
//! ends as it does without the mutant: first the scenarios that can follow each other on a running gateway, then the others
//! on fresh gateways that all remaining mutants share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::fresh::{Fresh, MutantEffect, OpenMutant};
use super::reach::Reach;
use super::trial::{MutantVerdict, Trial, TrialError, TrialRequest};
use super::worker::{Kills, Tried, Worker};
use crate::gateway::TargetProvider;

/// The progress of the trials.
pub enum TrialProgress {
    /// The mutant with this number has a verdict.
    Decided(usize, Trial),
    /// Another mutant was tried on a running gateway.
    TriedOnRunning,
    /// All mutants were tried on running gateways; this many have no verdict yet and are tried on fresh ones.
    Open(usize),
}

/// Tries mutants, several in parallel.
///
/// # Errors
/// Fails if the gateway does not start without an active mutant.
pub async fn try_all(
    request: &TrialRequest<'_>,
    provider: &TargetProvider,
    reach: &Reach,
    wanted: &[usize],
    until: Option<Instant>,
    tell: &(dyn Fn(TrialProgress) + Sync),
    cancel: &CancellationToken,
) -> Result<(), TrialError> {
    let prepared = Arc::new(provider.prepare(&request.target, Arc::new(|_| {})).await?);
    let decide = |number: usize, verdict, killed_by, scenarios_run, took: Duration| {
        let id = request.mutants[number].id.clone();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tell(TrialProgress::Decided(number, Trial { id, verdict, killed_by, scenarios_run, duration_ms }));
    };
    let decided = |open: OpenMutant, seen: MutantEffect| {
        let (verdict, killed_by) = match seen {
            MutantEffect::Nothing => (MutantVerdict::Survived, None),
            MutantEffect::Killed(by) => (MutantVerdict::Killed, Some(by)),
            MutantEffect::TimedOut(by) => (MutantVerdict::TimedOut, Some(by)),
            MutantEffect::NotBooted => (MutantVerdict::NotBooted, None),
            // It counts as not tried.
            MutantEffect::Undecided => return,
        };
        decide(open.number, verdict, killed_by, open.scenarios_run, open.took);
    };
    let late = || until.is_some_and(|until| Instant::now() >= until);
    let (next, kills, open) = (AtomicUsize::new(0), Kills::default(), Mutex::new(Vec::new()));
    let workers = (0..request.jobs.max(1)).map(|number| {
        let mut worker = Worker {
            request,
            reach,
            prepared: Arc::clone(&prepared),
            kills: &kills,
            cancel,
            number,
            warm: None,
            boots: 0,
        };
        let (next, open) = (&next, &open);
        async move {
            while let Some(mutant) = wanted.get(next.fetch_add(1, Ordering::SeqCst)) {
                if cancel.is_cancelled() || late() {
                    break;
                }
                let tried = worker.trial(*mutant).await?;
                if cancel.is_cancelled() {
                    break;
                }
                match tried {
                    Tried::NotReached => {
                        decide(*mutant, MutantVerdict::NotReached, None, Vec::new(), Duration::ZERO);
                    }
                    Tried::OnWarm(MutantEffect::Nothing, one) if !one.asked.is_empty() => {
                        open.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    }
                    Tried::OnWarm(seen, one) => decided(one, seen),
                }
                tell(TrialProgress::TriedOnRunning);
            }
            worker.put_down().await;
            Ok::<(), TrialError>(())
        }
    });
    futures_util::future::try_join_all(workers).await?;
    let open = open.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !open.is_empty() {
        tell(TrialProgress::Open(open.len()));
    }
    let stop = cancel.child_token();
    let fresh = Fresh { request, provider, reach, cancel: &stop, runs: AtomicUsize::new(0) };
    let alarm = async {
        match until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
        stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = fresh.try_together(open, &decided) => {}
        () = alarm => {}
    }
    Ok(())
}
