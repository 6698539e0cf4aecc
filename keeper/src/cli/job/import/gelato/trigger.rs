//! When a task of Gelato's is due: the module for triggers, and the one for times before it.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolValue;

use super::small;
use crate::cli::job::import::proposal::Due;
use crate::cli::job::import::refusal::Refusal;

/// Kinds of triggers.
const TIME: u8 = 0;
const CRON: u8 = 1;
const EVENT: u8 = 2;
const BLOCK: u8 = 3;

/// Moments from here on are milliseconds: of seconds, they would be in the year 5138.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
/// Longest pattern that is looked at.
const PATTERN_BYTES: usize = 128;
/// Most blocks that may have to follow a log.
const MOST_CONFIRMATIONS: u16 = 64;

fn senseless(why: impl Into<String>) -> Refusal {
    Refusal::SenselessTrigger { why: why.into() }
}

/// The module for times: `abi.encode(uint128 start, uint128 interval)`, in seconds.
pub(in crate::cli::job::import) fn time(args: &[u8], notes: &mut Vec<String>) -> Result<Due, Refusal> {
    let (start, interval) = start_and_interval(args)?;
    every(start, interval, notes)
}

/// The module for triggers: `abi.encode(uint8 kind, bytes config)`, where of the last kind the second may be missing.
pub(in crate::cli::job::import) fn trigger(args: &[u8], notes: &mut Vec<String>) -> Result<Due, Refusal> {
    let kind = args.get(..32).ok_or_else(|| senseless("it has no kind"))?;
    let number: u8 = small(U256::from_be_slice(kind), "its kind")?;
    if number == BLOCK {
        return Ok(Due::Blocks { every: 1 });
    }
    let decoded = <(U256, Bytes)>::abi_decode_params_validate(args);
    let (_, config) = decoded.map_err(|_| senseless("it does not decode"))?;
    match number {
        TIME => milliseconds(&config, notes),
        CRON => cron(&config),
        EVENT => event(&config),
        number => Err(Refusal::UnknownTrigger { number }),
    }
}

fn start_and_interval(config: &[u8]) -> Result<(u64, u64), Refusal> {
    let decoded = <(U256, U256)>::abi_decode_params_validate(config);
    let (start, interval) = decoded.map_err(|_| senseless("its times do not decode"))?;
    Ok((small(start, "its start")?, small(interval, "its interval")?))
}

/// In milliseconds, as the SDK writes them; contracts that wrote seconds show it by their start.
fn milliseconds(config: &[u8], notes: &mut Vec<String>) -> Result<Due, Refusal> {
    let (start, interval) = start_and_interval(config)?;
    if (1..MILLISECONDS_FROM).contains(&start) {
        notes.push("its times are taken for seconds, for as milliseconds its start lies before 1973".to_owned());
        return every(start, interval, notes);
    }
    notes.push(format!("its interval of {interval} is taken for milliseconds"));
    every(start / 1_000, interval.div_ceil(1_000), notes)
}

fn every(start: u64, seconds: u64, notes: &mut Vec<String>) -> Result<Due, Refusal> {
    let interval = u32::try_from(seconds).map_err(|_| senseless(format!("its interval is {seconds} seconds")))?;
    if interval == 0 {
        return Err(senseless("its interval is zero"));
    }
    if interval < 60 {
        notes.push(format!("it runs every {interval} s, and each run is paid for"));
    }
    Ok(Due::Interval { start, interval })
}

fn cron(config: &[u8]) -> Result<Due, Refusal> {
    let pattern = String::abi_decode_validate(config).map_err(|_| senseless("its pattern does not decode"))?;
    if pattern.len() > PATTERN_BYTES {
        return Err(senseless(format!("its pattern has {} bytes", pattern.len())));
    }
    // Parsers over there take any blanks; here there is one, so that two patterns that mean the same are the same.
    let fields: Vec<&str> = pattern.split_ascii_whitespace().collect();
    match fields.len() {
        5 => Ok(Due::Cron { pattern: fields.join(" ") }),
        6 => Err(senseless(format!("its pattern {pattern:?} has seconds, and minutes are the finest here"))),
        _ => Err(senseless(format!("its pattern {pattern:?} has not five fields"))),
    }
}

fn event(config: &[u8]) -> Result<Due, Refusal> {
    let decoded = <(Address, Vec<Vec<B256>>, U256)>::abi_decode_params_validate(config);
    let (emitter, wanted, confirmations) = decoded.map_err(|_| senseless("its event does not decode"))?;
    let confirmations: u16 = small(confirmations, "its number of confirmations")?;
    if emitter.is_zero() {
        return Err(senseless("its event is that of any contract"));
    }
    if wanted.len() > 4 {
        return Err(senseless("it asks for more topics than there are"));
    }
    if confirmations > MOST_CONFIRMATIONS {
        return Err(senseless(format!(
            "it waits for {confirmations} blocks, and {MOST_CONFIRMATIONS} are the most here"
        )));
    }
    let (mut filter, mut topics) = (0, [B256::ZERO; 4]);
    for (place, choices) in wanted.iter().enumerate() {
        match choices[..] {
            [] => {}
            [only] => (filter, topics[place]) = (filter | 1 << place, only),
            _ => {
                return Err(senseless(format!("topic {place} may be one of several, and one alone is asked for here")));
            }
        }
    }
    Ok(Due::Log { emitter, filter, topics, confirmations })
}
