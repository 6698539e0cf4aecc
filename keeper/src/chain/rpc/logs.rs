//! `eth_getLogs` in as many parts as a node wants: providers cap the range, the number of logs, or their size, and each
//! words it differently. What a node refused is remembered (`Span`), so every caller may ask for any range.

use super::attempt::{Attempt, Fault};
use super::endpoint::Seen;
use super::http::{MAX_ANSWER_BYTES, Silence};
use super::{Rpc, words};
use crate::chain::error::TOO_MUCH;
use alloy::primitives::U64;
use alloy_json_rpc::{ErrorPayload, Id, Request, RequestPacket, Response, ResponsePacket, ResponsePayload};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;

const METHOD: &str = "eth_getLogs";
/// Parts asked for at the same time.
const PARALLEL: u64 = 4;
/// A node that takes too long twice in a row is slow whatever it is asked.
const MOST_TIMEOUTS: u32 = 2;
/// What is no answer so many times more, one after the other, is no outage where other questions are answered.
const PAGES: u32 = 2;
const PAGE_PAUSE: Duration = Duration::from_millis(50);
/// Longest words of a node, in characters, that are told to whoever asked for too much.
const MOST_WORDS: usize = 200;

/// A question about the logs of a range of blocks.
#[derive(Clone, Debug)]
pub(super) struct Query {
    filter: Value,
    id: Id,
    from: u64,
    /// `None`: the newest block.
    to: Option<u64>,
}

impl Query {
    /// The question in a packet, if it is one about a range that can be asked in parts.
    pub(super) fn of(packet: &RequestPacket) -> Option<Self> {
        let question = packet.as_single().filter(|question| question.method() == METHOD)?;
        let whole: Value = serde_json::from_str(question.serialized().get()).ok()?;
        let filter = whole.get("params")?.get(0)?.clone();
        let number = |key: &str| u64::from_str_radix(filter.get(key)?.as_str()?.strip_prefix("0x")?, 16).ok();
        let to = match filter.get("toBlock").map(|to| to.as_str().unwrap_or_default()) {
            None | Some("latest") => None,
            Some(_) => Some(number("toBlock")?),
        };
        let from = number("fromBlock")?;
        (filter.get("blockHash").is_none() && to.is_none_or(|to| to >= from)).then(|| Self {
            id: question.id().clone(),
            from,
            to,
            filter,
        })
    }

    fn part(&self, from: u64, to: u64) -> Result<RequestPacket, String> {
        let mut filter = self.filter.clone();
        filter["fromBlock"] = json!(U64::from(from));
        filter["toBlock"] = json!(U64::from(to));
        let question = Request::new(METHOD, self.id.clone(), (filter,)).serialize();
        Ok(RequestPacket::Single(question.map_err(|error| error.to_string())?))
    }

    fn answer(&self, logs: String) -> Attempt {
        match RawValue::from_string(format!("[{logs}]")) {
            Ok(logs) => Attempt::Answered(ResponsePacket::Single(Response {
                id: self.id.clone(),
                payload: ResponsePayload::Success(logs),
            })),
            Err(error) => Attempt::Failed(error.to_string()),
        }
    }

    /// All parts were answered well, but whoever asked has to ask for less.
    fn too_much(&self) -> Attempt {
        too_much(self.id.clone(), format!("the range holds more than {MAX_ANSWER_BYTES} bytes of logs"))
    }
}

fn too_much(id: Id, why: String) -> Attempt {
    let error = ErrorPayload { code: TOO_MUCH, message: why.into(), data: None };
    Attempt::Answered(ResponsePacket::Single(Response { id, payload: ResponsePayload::Failure(error) }))
}

/// Whether whoever asked has to ask for less. Another node may well give as much.
pub(super) fn is_too_much(answer: &ResponsePacket) -> bool {
    answer.as_error().is_some_and(|error| error.code == TOO_MUCH)
}

/// Why there is no answer, where that is because it would be too much.
fn amount(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Silence(Silence::TooLarge(most)) => Some(format!("the answer is larger than {most} bytes")),
        Fault::Silence(Silence::CutOff(bytes)) => {
            Some(format!("after {bytes} bytes the answer was still coming when the time was over"))
        }
        Fault::NotJsonRpc(413, _) => {
            Some("the answer or the question is too large for it (HTTP status 413)".to_owned())
        }
        Fault::Error(_, error) if words::is_about_amount(error) => Some(error.message.to_string()),
        _ => None,
    }
}

/// Why the logs of a part cannot be added to those before.
enum Unfit {
    Undecodable(&'static str),
    TooMuch,
}

impl Rpc {
    /// What became of a question that is not asked in parts, or of a part that is not divided any more. For logs that are too much the
    /// node is not to blame, and it is not to be left alone either: whoever emits them could have every keeper leave its nodes.
    pub(super) fn undivided(
        &self,
        place: usize,
        packet: &RequestPacket,
        outcome: Result<ResponsePacket, Fault>,
    ) -> Attempt {
        let question = packet.as_single().filter(|question| question.method() == METHOD);
        let why = outcome.as_ref().err().and_then(amount);
        let (Some(question), Some(why)) = (question, why) else { return self.judged(place, packet, outcome) };
        let why: String = self.masked(&why).chars().take(MOST_WORDS).collect();
        self.count("logs_too_much");
        match outcome {
            Err(Fault::Error(..)) => self.see(place, Seen::Refused(why.clone())),
            _ => self.see(place, Seen::Answered),
        }
        too_much(question.id().clone(), format!("{why} [{}]", self.origin(place)))
    }

    /// Asks one node for the logs of a range, part by part.
    pub(super) async fn logs(&self, place: usize, packet: &RequestPacket, query: Query, patient: bool) -> Attempt {
        let to = match query.to {
            Some(to) => to,
            None => match self.newest(place).await {
                Ok(newest) => newest.max(query.from),
                Err(attempt) => return attempt,
            },
        };
        let (mut logs, mut next, mut timeouts) = (String::new(), query.from, 0);
        let mut paused = query.from;
        while next <= to {
            let span = self.board().endpoint(place).span.blocks();
            let mut asked = tokio::task::JoinSet::new();
            for first in (next..=to)
                .step_by(usize::try_from(span).unwrap_or(usize::MAX))
                .zip(0..PARALLEL)
                .map(|(first, _)| first)
            {
                let last = first.saturating_add(span - 1).min(to);
                let part = match query.part(first, last) {
                    Ok(part) => part,
                    Err(why) => return Attempt::Failed(why),
                };
                let rpc = self.clone();
                asked.spawn(async move { (first, last, rpc.exchange(place, &part).await) });
            }
            let mut parts = asked.join_all().await;
            parts.sort_unstable_by_key(|(first, ..)| *first);
            for (first, last, outcome) in parts {
                let outcome = match outcome {
                    Err(fault) => self.once_more(place, &query, (first, last), fault).await,
                    answered => answered,
                };
                match outcome {
                    Ok(answer) => match append(&mut logs, &answer) {
                        Ok(()) => {
                            self.board().endpoint_mut(place).span.answered(last - first + 1);
                            next = last + 1;
                        }
                        Err(Unfit::TooMuch) => return query.too_much(),
                        Err(Unfit::Undecodable(why)) => {
                            return Attempt::Failed(self.failed(place, "undecodable_answer", why));
                        }
                    },
                    Err(fault) => {
                        timeouts +=
                            u32::from(matches!(fault, Fault::Silence(Silence::TimedOut(_) | Silence::CutOff(_))));
                        let blocks = last - first + 1;
                        let goes_on =
                            self.narrow(place, blocks, &fault) || self.gives_up_on_many(place, blocks, &fault).await;
                        if !goes_on || timeouts > MOST_TIMEOUTS {
                            let ended = self.undivided(place, packet, Err(fault));
                            // What it has answered by now is not asked for again.
                            let waits = patient && next > paused && matches!(ended, Attempt::Limited(_));
                            if !waits || !self.pause(place).await {
                                return ended;
                            }
                            paused = next;
                        }
                        // What comes after is asked for again: the parts must be without a gap.
                        break;
                    }
                }
            }
        }
        self.see(place, Seen::Answered);
        query.answer(logs)
    }

    /// Asks again for a part that ended in something that is no answer: often it is answered the next time. That answer is the
    /// part's, for behind a gateway whose pages and answers take turns another pass may begin with a page for ever.
    async fn once_more(
        &self,
        place: usize,
        query: &Query,
        (first, last): (u64, u64),
        mut fault: Fault,
    ) -> Result<ResponsePacket, Fault> {
        let (true, Ok(part)) = (first < last, query.part(first, last)) else { return Err(fault) };
        for _ in 0..PAGES {
            if !is_page(&fault) {
                break;
            }
            tokio::time::sleep(PAGE_PAUSE).await;
            match self.exchange(place, &part).await {
                Ok(answer) => return Ok(answer),
                Err(next) => fault = next,
            }
        }
        Err(fault)
    }

    /// Whether a gateway gives up on that many blocks and on nothing else. Then less is asked for from now on.
    async fn gives_up_on_many(&self, place: usize, blocks: u64, fault: &Fault) -> bool {
        if !is_page(fault) || blocks <= 1 || self.newest(place).await.is_err() {
            return false;
        }
        self.asks_for_less(place, blocks, None, true);
        true
    }

    /// Asks for less at once from now on, if that may help.
    fn narrow(&self, place: usize, blocks: u64, fault: &Fault) -> bool {
        let (proposed, cap) = match fault {
            Fault::Error(_, error) if !words::is_rate_limit(error) => {
                let proposed = words::proposed_blocks(&error.message, blocks);
                (proposed, is_about_size(&error.message))
            }
            Fault::Silence(Silence::TooLarge(_) | Silence::TimedOut(_) | Silence::CutOff(_))
            | Fault::NotJsonRpc(413, _) => (None, true),
            _ => return false,
        };
        if blocks <= 1 {
            return false;
        }
        self.asks_for_less(place, blocks, proposed, cap);
        true
    }

    fn asks_for_less(&self, place: usize, blocks: u64, proposed: Option<u64>, cap: bool) {
        self.board().endpoint_mut(place).span.refused(blocks, proposed, cap);
        self.count("logs_in_parts");
        tracing::debug!(node = self.origin(place), blocks, "a node does not answer for so many blocks of logs at once");
    }

    async fn newest(&self, place: usize) -> Result<u64, Attempt> {
        let question = Request::new("eth_blockNumber", Id::Number(0), Vec::<u8>::new()).serialize();
        let packet = question.map(RequestPacket::Single).map_err(|error| Attempt::Failed(error.to_string()))?;
        match self.judged(place, &packet, self.exchange(place, &packet).await) {
            Attempt::Answered(ResponsePacket::Single(answer)) => {
                let number =
                    answer.payload.as_success().and_then(|number| serde_json::from_str::<U64>(number.get()).ok());
                let number =
                    number.ok_or_else(|| Attempt::Failed(self.failed(place, "undecodable_answer", "no block number")));
                number.map(|number| number.to())
            }
            other => Err(other),
        }
    }
}

/// What is no answer and names no cause; 413 does.
fn is_page(fault: &Fault) -> bool {
    matches!(fault, Fault::NotJsonRpc(status, _) if *status != 413)
}

fn is_about_size(words: &str) -> bool {
    let words = words.to_lowercase();
    ["range", "too many", "more than", "exceed", "too large", "too wide", "size", "limit", "max"]
        .iter()
        .any(|word| words.contains(word))
}

/// Adds the logs of one answer to the list.
fn append(logs: &mut String, answer: &ResponsePacket) -> Result<(), Unfit> {
    let ResponsePacket::Single(answer) = answer else { return Err(Unfit::Undecodable("a batch")) };
    let list = answer.payload.as_success().map(|list| list.get().trim()).unwrap_or_default();
    let Some(inner) = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).map(str::trim) else {
        return Err(Unfit::Undecodable("the logs are no list"));
    };
    if logs.len() + inner.len() > MAX_ANSWER_BYTES {
        return Err(Unfit::TooMuch);
    }
    if !logs.is_empty() && !inner.is_empty() {
        logs.push(',');
    }
    logs.push_str(inner);
    Ok(())
}
