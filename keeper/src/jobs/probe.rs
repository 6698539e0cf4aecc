//! Asks at a block which conditions hold: 200 of them in one question, which is code that no contract has. It makes one call
//! after the other, each with little gas and no room for its answer but one word, and returns a byte for each.
//!
//! What fails there may need more gas, and is asked about by itself, a few at a block in turn, side by side and for a few seconds:
//! whoever lists a condition that burns all the gas there is, or has a node give up, delays its own kind and nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionInput, TransactionRequest};
use consensus::anchor::BlockRef;
use executor::{CALL_GAS, MAX_CHAIN_BYTES, is_failed_call};
use tokio::task::JoinSet;

use super::trigger::holds;
use crate::chain::{ChainError, ChainProvider};

/// What was found of conditions at a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// The jobs whose conditions hold.
    pub holding: Vec<u64>,
    /// Those whose conditions do not hold.
    pub idle: Vec<u64>,
    /// Those whose conditions fail, with words for why: the call does, or its answer is too long, or no node gives one.
    pub failing: BTreeMap<u64, String>,
}

/// A call that tells whether a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The job.
    pub job: u64,
    /// The contract.
    pub target: Address,
    /// What it is asked.
    pub call: Bytes,
}

/// Conditions in one question, and the gas of each: together less than half a block of Ethereum, which any node spends on a call.
const TOGETHER: usize = 200;
const GAS_TOGETHER: u32 = 120_000;
/// Longest code that creates a contract (EIP-3860), in bytes.
const CODE_MAX: usize = 49_152;
/// About what a condition takes of it besides its call.
const QUESTION_CODE: usize = 80;
/// Conditions that are asked about by themselves at a block.
const ALONE_MAX: usize = 16;
/// How long each of those is waited for: less than a whole question about a block may take.
const ALONE_PATIENCE: Duration = Duration::from_secs(6);
/// Most that is told of a node's words, in characters.
const WORDS_MAX: usize = 120;
/// At most so much of what a question and its answer may have together is neither.
const CALL_HEAD: usize = 64;
/// Where in memory a call lies while it is made, and where the answers are: above the longest call.
const CALL_AT: u16 = 0x40;
const ANSWERS_AT: u16 = 0x2000;

/// Which conditions hold at a block, and which fail. Of those that need more gas others have their turn at the next. What fails
/// for one question is no word on the others.
///
/// # Errors
/// The nodes answer nothing.
pub async fn probe(provider: &ChainProvider, block: &BlockRef, questions: &[Question]) -> Result<Probed, ChainError> {
    let mut probed = Probed::default();
    let mut alone = Vec::new();
    let (mut has_answer, mut failure) = (false, None);
    for together in cut(questions) {
        let answers = match ask_together(provider, block, together).await {
            Ok(answers) => answers,
            Err(error) => {
                tracing::debug!(%error, block = block.number, "some conditions could not be asked about");
                failure.get_or_insert(error);
                continue;
            }
        };
        has_answer = true;
        for (question, answer) in together.iter().zip(answers) {
            match answer {
                Some(true) => probed.holding.push(question.job),
                Some(false) => probed.idle.push(question.job),
                None => alone.push(question),
            }
        }
    }
    if let Some(error) = failure.filter(|_| !has_answer) {
        return Err(error);
    }
    let turn = usize::try_from(block.number % 1_000_003).unwrap_or_default();
    let shift = turn.wrapping_mul(ALONE_MAX) % alone.len().max(1);
    alone.rotate_left(shift);
    alone.truncate(ALONE_MAX);
    each_alone(provider, block, alone, &mut probed).await;
    Ok(probed)
}

async fn each_alone(provider: &ChainProvider, block: &BlockRef, questions: Vec<&Question>, probed: &mut Probed) {
    let mut asked = JoinSet::new();
    for question in questions {
        let (provider, block, question) = (provider.clone(), *block, question.clone());
        asked.spawn(async move {
            let late = || format!("no node answers it within {} s", ALONE_PATIENCE.as_secs());
            let answer = tokio::time::timeout(ALONE_PATIENCE, ask_alone(&provider, &block, &question)).await;
            (question.job, answer.unwrap_or_else(|_| Err(late())))
        });
    }
    for (job, answer) in asked.join_all().await {
        match answer {
            Ok(true) => probed.holding.push(job),
            Ok(false) => probed.idle.push(job),
            Err(why) => drop(probed.failing.insert(job, why)),
        }
    }
}

/// As many as fit one question each.
fn cut(questions: &[Question]) -> Vec<&[Question]> {
    let size = |question: &Question| question.call.len() + QUESTION_CODE;
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (place, question) in questions.iter().enumerate() {
        if place - from == TOGETHER || bytes + size(question) > CODE_MAX {
            parts.push(&questions[from..place]);
            (from, bytes) = (place, 0);
        }
        bytes += size(question);
    }
    parts.push(&questions[from..]);
    parts
}

/// Whether each holds; `None` where the call failed with the gas it had.
async fn ask_together(
    provider: &ChainProvider,
    block: &BlockRef,
    questions: &[Question],
) -> Result<Vec<Option<bool>>, ChainError> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let call = TransactionRequest {
        from: Some(Address::ZERO),
        to: Some(TxKind::Create),
        input: TransactionInput::both(code(questions)),
        ..TransactionRequest::default()
    };
    match provider.call(call).block(BlockId::hash_canonical(block.hash)).await {
        Ok(answers) if answers.len() == questions.len() => {
            let answer = |byte: &u8| match byte {
                0b11 => Some(true),
                0b01 => Some(false),
                _ => None,
            };
            Ok(answers.iter().map(answer).collect())
        }
        Ok(_) => Err(ChainError::unbelievable("undecodable_answer", "another number of conditions was answered")),
        Err(error) => Err(error.into()),
    }
}

/// Whether it holds, or why it fails: so does a call that answers more than those take who look again.
async fn ask_alone(provider: &ChainProvider, block: &BlockRef, question: &Question) -> Result<bool, String> {
    let call = TransactionRequest {
        from: Some(Address::ZERO),
        to: Some(TxKind::Call(question.target)),
        input: TransactionInput::both(question.call.clone()),
        gas: Some(CALL_GAS),
        ..TransactionRequest::default()
    };
    match provider.call(call).block(BlockId::hash_canonical(block.hash)).await {
        Ok(answer) if question.call.len() + answer.len() + CALL_HEAD > MAX_CHAIN_BYTES => Err(format!(
            "it answers {} bytes, and with the call no more than {MAX_CHAIN_BYTES} are taken",
            answer.len()
        )),
        Ok(answer) => Ok(holds(&answer)),
        Err(error) => {
            let words: String = error.to_string().chars().take(WORDS_MAX).collect();
            let is_failed = error.as_error_resp().is_some_and(is_failed_call);
            Err(if is_failed {
                format!("the call fails with {CALL_GAS} gas: {words}")
            } else {
                format!("no answer: {words}")
            })
        }
    }
}

/// The code: for each call, copy what is asked from behind the code, call, and note whether the call succeeded (1) and whether
/// it held (2).
fn code(questions: &[Question]) -> Bytes {
    let mut code = Vec::new();
    let mut fixes = Vec::new();
    for (place, question) in questions.iter().enumerate() {
        let length = u16::try_from(question.call.len()).unwrap_or(u16::MAX);
        // Nothing in the word for the answer: mstore(0, 0)
        code.extend([PUSH1, 0, PUSH1, 0, MSTORE]);
        // codecopy(CALL_AT, where the call lies, its length)
        push2(&mut code, length);
        fixes.push(code.len() + 1);
        push2(&mut code, 0);
        push2(&mut code, CALL_AT);
        code.push(CODECOPY);
        // staticcall(gas, target, CALL_AT, length, 0, 32)
        code.extend([PUSH1, 32, PUSH1, 0]);
        push2(&mut code, length);
        push2(&mut code, CALL_AT);
        code.push(PUSH20);
        code.extend(question.target.as_slice());
        code.push(PUSH4);
        code.extend(GAS_TOGETHER.to_be_bytes());
        code.push(STATICCALL);
        // success | (success & whole word & not zero) << 1
        code.extend([
            DUP1,
            PUSH1,
            31,
            RETURNDATASIZE,
            GT,
            AND,
            PUSH1,
            0,
            MLOAD,
            ISZERO,
            ISZERO,
            AND,
            PUSH1,
            1,
            SHL,
            OR,
        ]);
        push2(&mut code, ANSWERS_AT.saturating_add(u16::try_from(place).unwrap_or(u16::MAX)));
        code.push(MSTORE8);
    }
    push2(&mut code, u16::try_from(questions.len()).unwrap_or(u16::MAX));
    push2(&mut code, ANSWERS_AT);
    code.push(RETURN);
    for (fix, question) in fixes.into_iter().zip(questions) {
        let at = u16::try_from(code.len()).unwrap_or(u16::MAX).to_be_bytes();
        code[fix..fix + 2].copy_from_slice(&at);
        code.extend(&question.call);
    }
    code.into()
}

fn push2(code: &mut Vec<u8>, number: u16) {
    code.push(PUSH2);
    code.extend(number.to_be_bytes());
}

const GT: u8 = 0x11;
const ISZERO: u8 = 0x15;
const AND: u8 = 0x16;
const OR: u8 = 0x17;
const SHL: u8 = 0x1b;
const CODECOPY: u8 = 0x39;
const RETURNDATASIZE: u8 = 0x3d;
const MLOAD: u8 = 0x51;
const MSTORE: u8 = 0x52;
const MSTORE8: u8 = 0x53;
const PUSH1: u8 = 0x60;
const PUSH2: u8 = 0x61;
const PUSH4: u8 = 0x63;
const PUSH20: u8 = 0x73;
const DUP1: u8 = 0x80;
const RETURN: u8 = 0xf3;
const STATICCALL: u8 = 0xfa;

#[cfg(test)]
mod tests;
