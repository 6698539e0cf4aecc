//! Reads: the best node is asked, then the others, until one answers.

use super::Rpc;
use super::attempt::Attempt;
use super::endpoint::Seen;
use alloy::transports::{TransportError, TransportErrorKind};
use alloy_json_rpc::{RequestPacket, ResponsePacket};
use std::time::Duration;

/// A node that takes longer than this for an answer gets company: the next one is asked too, the first answer counts.
const COMPANY: Duration = Duration::from_millis(1_500);
/// How often nodes are asked before a question fails because they want to be left alone.
pub(super) const ROUNDS: u32 = 3;

impl Rpc {
    /// Asks the nodes until one answers; once more when all of them only want to be left alone for a moment.
    pub(super) async fn read(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        for _ in 1..ROUNDS {
            if let Some(done) = self.round(&packet).await {
                return done;
            }
        }
        let done = self.round(&packet).await;
        done.unwrap_or_else(|| Err(TransportErrorKind::custom_str("every node asks to slow down, again and again")))
    }

    /// Asks the nodes one after the other until one answers, and the next one too when one takes long. `None`: all want to
    /// be left alone.
    async fn round(&self, packet: &RequestPacket) -> Option<Result<ResponsePacket, TransportError>> {
        let order = match self.candidates().await {
            Ok(order) => order,
            Err(why) => return Some(Err(TransportErrorKind::custom_str(&why))),
        };
        let mut asked = tokio::task::JoinSet::new();
        let ask = |asked: &mut tokio::task::JoinSet<_>, place: usize| {
            let (rpc, packet) = (self.clone(), packet.clone());
            asked.spawn(async move { (place, rpc.attempt(place, &packet).await) });
        };
        let mut left = order.iter().copied();
        let mut last = order[0];
        left.next();
        ask(&mut asked, last);
        let (mut refusal, mut failures) = (None, Vec::new());
        loop {
            let more = tokio::select! {
                done = asked.join_next() => match done {
                    None => break,
                    Some(Ok((place, Attempt::Answered(answer)))) => {
                        self.board().keep_to(place);
                        return Some(Ok(answer));
                    }
                    Some(Ok((_, Attempt::Refused(error)))) => { refusal.get_or_insert(error); true }
                    Some(Ok((_, Attempt::Limited(_)))) => true,
                    Some(Ok((_, Attempt::Failed(why)))) => { failures.push(why); true }
                    Some(Err(error)) => { failures.push(error.to_string()); true }
                },
                () = tokio::time::sleep(COMPANY) => {
                    self.see(last, Seen::Slow);
                    left.len() > 0
                }
            };
            if more && let Some(place) = left.next() {
                last = place;
                ask(&mut asked, place);
            }
        }
        match refusal {
            Some(refusal) => Some(Ok(refusal)),
            None if failures.is_empty() => None,
            None => Some(Err(TransportErrorKind::custom_str(&failures.join("; ")))),
        }
    }
}
