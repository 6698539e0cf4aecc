//! Waiting on conditions: everything here that waits names what for and gives up at a deadline.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::Instant;

/// How often a condition is looked at.
pub const EVERY: Duration = Duration::from_millis(50);

/// Looks at `condition` until it yields a value.
///
/// # Errors
/// After `patience`: what was waited for, and the last thing the condition said was missing.
pub async fn until<T, F, Fut>(what: &str, patience: Duration, mut condition: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + patience;
    let mut missing = String::new();
    loop {
        missing = match tokio::time::timeout_at(deadline, condition()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(missing)) => missing,
            Err(_) if missing.is_empty() => "the check itself did not come back".to_owned(),
            Err(_) => format!("{missing} (the last check did not come back)"),
        };
        if Instant::now() + EVERY >= deadline {
            return Err(anyhow!("waited {} s for {what}: {missing}", patience.as_secs()));
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests;
