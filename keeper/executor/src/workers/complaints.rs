//! What a worker writes to its standard error, in the keeper's log: a little of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use crate::Role;

/// Lines logged in a worker's life, and characters of each; the rest is thrown away.
const MAX_LINES: usize = 20;
const MAX_LINE: usize = 300;

/// Lines that all workers of a keeper, and the keeper about them, may write in a minute.
const MAX_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// What may be written still. Code that ends its worker in every run would fill the log otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Quota(Arc<Mutex<Option<(Instant, u32)>>>);

impl Quota {
    /// Whether a line may be written at `now`.
    pub(super) fn lets(&self, now: Instant) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *written {
            Some((since, lines)) if now.duration_since(*since) < MINUTE => {
                *lines += 1;
                *lines <= MAX_A_MINUTE
            }
            other => {
                *other = Some((now, 1));
                true
            }
        }
    }
}

/// Reads until the worker ends.
pub(super) async fn pass_on(mut stderr: Receiver, role: Role, worker: u32, quota: Quota) {
    let (mut buffer, mut line, mut left) = ([0; 1024], Vec::new(), MAX_LINES);
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        for byte in &buffer[..count] {
            match byte {
                b'\n' => say(&mut line, &mut left, role, worker, &quota),
                _ if line.len() < MAX_LINE => line.push(*byte),
                _ => {}
            }
        }
    }
    say(&mut line, &mut left, role, worker, &quota);
}

fn say(line: &mut Vec<u8>, left: &mut usize, role: Role, worker: u32, quota: &Quota) {
    let text: String = String::from_utf8_lossy(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.clear();
    if !text.trim().is_empty() && *left > 0 && quota.lets(Instant::now()) {
        *left -= 1;
        tracing::warn!(worker, role = role.word(), "worker: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_together_write_so_much_a_minute() {
        let (quota, now) = (Quota::default(), Instant::now());
        let other = quota.clone();
        let written = (0..100).filter(|number| if number % 2 == 0 { quota.lets(now) } else { other.lets(now) }).count();
        assert_eq!(written, 20);
        assert!(!quota.lets(now + MINUTE / 2));
        assert!(quota.lets(now + MINUTE));
    }
}
