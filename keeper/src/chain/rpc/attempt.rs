//! One question to one node: sent, read, and judged, for the caller and for the node's standing.

use super::endpoint::Seen;
use super::http::{self, Silence};
use super::words::{self, Meaning};
use super::{Rpc, answer};
use alloy::primitives::U64;
use alloy_json_rpc::{ErrorPayload, Id, Request, RequestPacket, ResponsePacket, ResponsePayload};
use std::time::Duration;

/// What became of a question to one node.
pub(super) enum Attempt {
    /// An answer, be it that the contract reverts.
    Answered(ResponsePacket),
    /// An error that is this node's own.
    Refused(ResponsePacket),
    /// It wants to be left alone for a while; words that name it.
    Limited(String),
    /// None; words that name the node.
    Failed(String),
}

/// Why an exchange gave no answer.
pub(super) enum Fault {
    Silence(Silence),
    /// HTTP status and words.
    NotJsonRpc(u16, String),
    Limited(Option<Duration>, String),
    /// The node's error; what it means depends on the question.
    Error(ResponsePacket, ErrorPayload),
}

impl Rpc {
    /// Asks for the chain id where that is due.
    ///
    /// # Errors
    /// What became of the question, where the node is not to be asked.
    pub(super) async fn verify(&self, place: usize) -> Result<(), Attempt> {
        if !self.board().endpoint(place).is_unverified() {
            return Ok(());
        }
        let question = Request::new("eth_chainId", Id::Number(0), Vec::<u8>::new()).serialize();
        let packet = RequestPacket::Single(question.map_err(|error| Attempt::Failed(error.to_string()))?);
        let failed = |why| Err(Attempt::Failed(self.failed(place, "no_chain_id", why)));
        let answer = match self.judged(place, &packet, self.exchange(place, &packet).await) {
            Attempt::Answered(ResponsePacket::Single(answer)) => answer.payload,
            Attempt::Answered(_) | Attempt::Refused(_) => return failed("no chain id"),
            none => return Err(none),
        };
        let found = answer.as_success().and_then(|id| serde_json::from_str::<U64>(id.get()).ok());
        let Some(found) = found.map(|id| id.to::<u64>()) else {
            return failed("its chain id is no number");
        };
        if found == self.shared.chain_id {
            self.see(place, Seen::RightChain);
            return Ok(());
        }
        self.count("wrong_chain_id");
        self.see(place, Seen::OtherChain(found));
        let (origin, file) = (self.origin(place), self.shared.network_file.display());
        let expected = self.shared.chain_id;
        Err(Attempt::Failed(format!(
            "{origin}: wrong chain id: the node serves chain {found}, {file} says {expected}; correct rpc_urls or chain_id there"
        )))
    }

    pub(super) async fn exchange(&self, place: usize, packet: &RequestPacket) -> Result<ResponsePacket, Fault> {
        let body = serde_json::to_vec(packet).map_err(|error| Fault::NotJsonRpc(0, error.to_string()))?;
        let reply = self.shared.wires[place].post(body).await.map_err(Fault::Silence)?;
        if reply.status == 429 || (reply.status == 503 && reply.retry_after.is_some()) {
            let words = format!("HTTP status {}: {}", reply.status, answer::first_words(&reply.body));
            return Err(Fault::Limited(reply.retry_after, words));
        }
        // Nodes send JSON-RPC errors with other HTTP statuses than 200, so the body decides.
        let answer = answer::read(packet, &reply.body).map_err(|why| Fault::NotJsonRpc(reply.status, why))?;
        match answer.as_error().cloned() {
            Some(error) => Err(Fault::Error(answer, error)),
            None => Ok(answer),
        }
    }

    /// What an exchange means for the node and for the caller.
    pub(super) fn judged(
        &self,
        place: usize,
        packet: &RequestPacket,
        outcome: Result<ResponsePacket, Fault>,
    ) -> Attempt {
        let fault = match outcome {
            Ok(answer) => {
                self.see(place, Seen::Answered);
                return Attempt::Answered(answer);
            }
            Err(fault) => fault,
        };
        let failed = |reason, why: &str| Attempt::Failed(self.failed(place, reason, why));
        match fault {
            Fault::Silence(Silence::NoAnswer(why)) => failed("no_answer", &why),
            Fault::Silence(Silence::TimedOut(why)) => failed("no_answer", &format!("timed out ({why})")),
            Fault::Silence(Silence::TooLarge) => {
                failed("answer_too_large", &format!("the answer is larger than {} bytes", http::MAX_ANSWER_BYTES))
            }
            Fault::NotJsonRpc(status, why) => {
                failed("not_json_rpc", &format!("not a JSON-RPC answer (HTTP status {status}): {why}"))
            }
            Fault::Limited(pause, why) => Attempt::Limited(self.limited(place, pause, why)),
            Fault::Error(answer, error) => {
                let method = packet.requests().first().map_or("", |question| question.method());
                match words::meaning(method, &error) {
                    Meaning::Limited(pause) => Attempt::Limited(self.limited(place, pause, error.to_string())),
                    Meaning::Answer => {
                        self.see(place, Seen::Answered);
                        Attempt::Answered(named(answer, self.origin(place)))
                    }
                    Meaning::Trouble => {
                        self.count("refused_here");
                        self.see(place, Seen::Refused(error.to_string()));
                        Attempt::Refused(named(answer, self.origin(place)))
                    }
                }
            }
        }
    }

    pub(super) fn failed(&self, place: usize, reason: &'static str, why: &str) -> String {
        self.count(reason);
        self.see(place, Seen::Failed(why.to_owned()));
        format!("{}: {why}", self.origin(place))
    }

    fn limited(&self, place: usize, pause: Option<Duration>, why: String) -> String {
        self.count("limited");
        let text = format!("{}: asked to slow down: {why}", self.origin(place));
        self.see(place, Seen::Limited { pause, why });
        text
    }
}

/// Puts the node's origin behind its words, where they are not a contract's.
fn named(mut answer: ResponsePacket, origin: &str) -> ResponsePacket {
    if let ResponsePacket::Single(single) = &mut answer
        && let ResponsePayload::Failure(error) = &mut single.payload
        && error.as_revert_data().is_none()
    {
        error.message = format!("{} [{origin}]", error.message).into();
    }
    answer
}
