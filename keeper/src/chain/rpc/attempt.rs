//! One question to one node: sent, read, and judged, for the caller and for the node's standing.

use super::endpoint::{Phase, Seen};
use super::http::{self, Silence};
use super::words::{self, Meaning};
use super::{Node, Rpc, answer};
use alloy::primitives::U64;
use alloy_json_rpc::{ErrorPayload, Id, Request, RequestPacket, ResponsePacket, ResponsePayload};
use serde_json::value::RawValue;
use std::time::{Duration, Instant};

/// How often a question is asked of a node beside which there is no good one, when failures come quickly: a step of many
/// questions would else fail as a whole for one of them, again and again.
const LONE_TRIES: u32 = 5;
/// A failure that took longer than this is no hiccup.
const HICCUP: Duration = Duration::from_secs(1);
/// The pause before the second try; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

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
    /// One question to one node, several times where there is no other good one and failures are hiccups. A node that wants
    /// to be left alone is: its caller knows whether to wait.
    pub(super) async fn ask(&self, node: &Node, packet: &RequestPacket) -> Attempt {
        let (mut tries, mut pause) = (1, FIRST_PAUSE);
        loop {
            let begun = Instant::now();
            let patient = node.waits || self.others(node).is_empty();
            let attempt = self.attempt(node.place, packet, patient).await;
            let is_failure = matches!(attempt, Attempt::Refused(_) | Attempt::Failed(_));
            let is_hiccup = is_failure && begun.elapsed() < HICCUP;
            if !is_hiccup || tries >= LONE_TRIES || !self.others(node).is_empty() {
                return attempt;
            }
            if matches!(self.board().endpoint(node.place).phase(), Phase::WrongChain(_)) {
                return attempt;
            }
            tokio::time::sleep(pause).await;
            (tries, pause) = (tries + 1, pause * 2);
        }
    }

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
        let wire = &self.shared.wires[place];
        let most = packet.requests().iter().map(|question| http::most_bytes(question.method())).max();
        let reply = wire.post(body, most.unwrap_or_default()).await.map_err(Fault::Silence)?;
        if reply.status == 429 || (reply.status == 503 && reply.retry_after.is_some()) {
            let words = format!("HTTP status {}: {}", reply.status, answer::first_words(&reply.body, &wire.secrets));
            return Err(Fault::Limited(reply.retry_after, words));
        }
        // Nodes send JSON-RPC errors with other HTTP statuses than 200, so the body decides.
        let answer = answer::read(packet, &reply.body, &wire.secrets);
        let answer = answer.map_err(|why| Fault::NotJsonRpc(reply.status, why))?;
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
            Fault::Silence(Silence::CutOff(bytes)) => {
                failed("no_answer", &format!("timed out (after {bytes} bytes of the answer)"))
            }
            Fault::Silence(Silence::TooLarge(most)) => {
                failed("answer_too_large", &format!("the answer is larger than {most} bytes"))
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
                        Attempt::Answered(self.named(answer, place))
                    }
                    Meaning::Trouble => {
                        self.count("refused_here");
                        self.see(place, Seen::Refused(self.masked(&error.to_string())));
                        Attempt::Refused(self.named(answer, place))
                    }
                }
            }
        }
    }

    pub(super) fn failed(&self, place: usize, reason: &'static str, why: &str) -> String {
        let why = self.masked(why);
        self.count(reason);
        self.see(place, Seen::Failed(why.clone()));
        format!("{}: {why}", self.origin(place))
    }

    fn limited(&self, place: usize, pause: Option<Duration>, why: String) -> String {
        let why = self.masked(&why);
        self.count("limited");
        let text = format!("{}: asked to slow down: {why}", self.origin(place));
        self.see(place, Seen::Limited { pause, why });
        text
    }

    /// Puts the node's origin behind its words, where they are not a contract's, and takes the keys of its URL out.
    fn named(&self, mut answer: ResponsePacket, place: usize) -> ResponsePacket {
        if let ResponsePacket::Single(single) = &mut answer
            && let ResponsePayload::Failure(error) = &mut single.payload
            && error.as_revert_data().is_none()
        {
            error.message = format!("{} [{}]", self.masked(&error.message), self.origin(place)).into();
            // A number may turn into none by that: then nothing is kept of it.
            let data = error.data.take().map(|data| RawValue::from_string(self.masked(data.get())));
            error.data = data.and_then(Result::ok);
        }
        answer
    }
}
