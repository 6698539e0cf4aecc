//! What a worker writes to its standard error, in the keeper's log: a little of it.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::Role;

/// Lines logged in a worker's life, and characters of each; the rest is thrown away.
const MAX_LINES: usize = 20;
const MAX_LINE: usize = 300;

/// Reads until the worker ends.
pub(super) async fn pass_on(mut stderr: Receiver, role: Role, worker: u32) {
    let (mut buffer, mut line, mut left) = ([0; 1024], Vec::new(), MAX_LINES);
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        for byte in &buffer[..count] {
            match byte {
                b'\n' => say(&mut line, &mut left, role, worker),
                _ if line.len() < MAX_LINE => line.push(*byte),
                _ => {}
            }
        }
    }
    say(&mut line, &mut left, role, worker);
}

fn say(line: &mut Vec<u8>, left: &mut usize, role: Role, worker: u32) {
    let text: String = String::from_utf8_lossy(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.clear();
    if !text.trim().is_empty() && *left > 0 {
        *left -= 1;
        tracing::warn!(worker, role = role.word(), "worker: {text}");
    }
}
