//! Upkeeps of Chainlink Automation: what registries 2.0 to 2.3 say of them, by the interface that all of these have.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolError, SolValue};
use contracts::terms::Limits;

use super::ask::Reader;
use super::offchain::most_gas_price;
use super::proposal::{Deed, Due, Proposal};
use super::refusal::Refusal;
use super::{MAX_CALL_BYTES, Wish, callback_gas};

sol! {
    /// An upkeep; 2.0 says the same under other names.
    #[derive(Debug)]
    struct UpkeepInfo {
        address target;
        uint32 performGas;
        bytes checkData;
        uint96 balance;
        address admin;
        uint64 maxValidBlocknumber;
        uint32 lastPerformedBlockNumber;
        uint96 amountSpent;
        bool paused;
        bytes offchainConfig;
    }

    /// Bit i of the selector says that topic i + 1 is asked for; topic 0 always is.
    #[derive(Debug)]
    struct LogTriggerConfig {
        address contractAddress;
        uint8 filterSelector;
        bytes32 topic0;
        bytes32 topic1;
        bytes32 topic2;
        bytes32 topic3;
    }

    interface Registry {
        function typeAndVersion() external view returns (string);
        function getUpkeep(uint256 id) external view returns (UpkeepInfo);
        function getTriggerType(uint256 id) external view returns (uint8);
        function getUpkeepTriggerConfig(uint256 id) external view returns (bytes);
        function getForwarder(uint256 id) external view returns (address);
    }

    interface Upkeep {
        error StreamsLookup(string feedParamKey, string[] feeds, string timeParamKey, uint256 time, bytes extraData);
        function checkUpkeep(bytes checkData) external returns (bool upkeepNeeded, bytes performData);
        function setForwarderAddress(address forwarder) external;
        function setForwarder(address forwarder) external;
        function setKeeperRegistryAddress(address keeperRegistry) external;
    }
}

/// `maxValidBlocknumber` of an upkeep that is not cancelled.
const UNCANCELLED: u64 = u32::MAX as u64;
/// Kinds of triggers.
const CONDITION: u8 = 0;
const LOG: u8 = 1;

/// Everything a registry says of an upkeep.
#[derive(Clone, Debug)]
struct Entry {
    registry: Address,
    id: U256,
    /// `typeAndVersion`.
    version: String,
    info: UpkeepInfo,
    trigger: u8,
    trigger_config: Bytes,
    /// Who calls the target.
    caller: Address,
    /// The target's code.
    code: Bytes,
}

/// Reads an upkeep and says which job does the same.
pub(super) async fn read(reader: &Reader, registry: Address, id: U256, wish: Wish) -> Result<Proposal, Refusal> {
    let version = version(reader, registry).await?;
    let info = reader.ask(registry, "upkeep", &Registry::getUpkeepCall { id }).await?;
    if info.target.is_zero() {
        return Err(Refusal::NoSuchUpkeep { registry, id });
    }
    let code = reader.code(info.target).await?;
    // 2.0 has neither kinds of triggers nor forwarders.
    let (trigger, trigger_config, caller) = if version.starts_with("KeeperRegistry 2.0.") {
        (CONDITION, Bytes::new(), registry)
    } else {
        let trigger = reader.ask(registry, "kind of trigger", &Registry::getTriggerTypeCall { id }).await?;
        let config = reader.ask(registry, "trigger", &Registry::getUpkeepTriggerConfigCall { id }).await?;
        (trigger, config, reader.ask(registry, "forwarder", &Registry::getForwarderCall { id }).await?)
    };
    let mut proposal = Entry { registry, id, version, info, trigger, trigger_config, caller, code }.proposal(wish)?;
    if let Due::Condition { target, call } = &proposal.due {
        proposal.notes.push(format!("asked now, its checkUpkeep {}", opinion(reader, *target, call).await?));
    }
    Ok(proposal)
}

async fn version(reader: &Reader, registry: Address) -> Result<String, Refusal> {
    let none = |_| Refusal::NoRegistry { address: registry };
    reader.code(registry).await.map_err(|error| match error {
        Refusal::NoTarget { target } => Refusal::NoRegistry { address: target },
        other => other,
    })?;
    let answer = reader.call(registry, Registry::typeAndVersionCall {}.abi_encode().into()).await?;
    let says = Registry::typeAndVersionCall::abi_decode_returns_validate(&answer.map_err(none)?);
    let says = says.map_err(|_| Refusal::NoRegistry { address: registry })?;
    let known = ["KeeperRegistry 2.0.", "KeeperRegistry 2.1.", "AutomationRegistry 2.2.", "AutomationRegistry 2.3."];
    if known.iter().any(|known| says.starts_with(known)) {
        return Ok(says);
    }
    Err(Refusal::OtherVersion { address: registry, says: says.chars().take(100).collect() })
}

/// What a view of it says now, in words.
async fn opinion(reader: &Reader, target: Address, call: &Bytes) -> Result<&'static str, Refusal> {
    Ok(match reader.call(target, call.clone()).await? {
        Ok(answer) => match Upkeep::checkUpkeepCall::abi_decode_returns(&answer) {
            Ok(answer) if answer.upkeepNeeded => "says that it is due",
            Ok(_) => "says that it is not due",
            Err(_) => "answers what does not decode: it would never run",
        },
        Err(_) => "fails: it would not run in such a block",
    })
}

impl Entry {
    /// Which job does the same.
    fn proposal(self, wish: Wish) -> Result<Proposal, Refusal> {
        let Self { registry, id, version, info, caller, .. } = &self;
        let cancelled = info.maxValidBlocknumber != UNCANCELLED;
        if cancelled && !wish.cancelled {
            return Err(Refusal::Cancelled { id: *id, block: info.maxValidBlocknumber });
        }
        let callback_gas = callback_gas(wish, info.performGas)?;
        let due = self.due()?;
        let mut notes = Vec::new();
        match (cancelled, info.paused) {
            (true, _) => notes.push("it was cancelled there".to_owned()),
            (_, true) => notes.push("it is paused there: a job runs from its start on".to_owned()),
            _ => notes.push("it is still registered there: cancel it, or both perform it".to_owned()),
        }
        let limits = self.limits(&mut notes);
        if contains(&self.code, Upkeep::StreamsLookup::SELECTOR) {
            notes.push(
                "it may ask for reports of Data Streams, which nobody brings here: such a check fails".to_owned(),
            );
        }
        if may_ask_who_calls(&self.code) {
            notes.push(format!(
                "its check was called by the registry {registry}, and is called by the zero address here: where it asks who calls, \
                 and not for the transaction's origin alone, it says something else"
            ));
        }
        if matches!(due, Due::Condition { .. }) {
            notes.push("it is looked at in every block, and performed once for a block at most".to_owned());
        }
        Ok(Proposal {
            source: format!("upkeep {id} of {version} at {registry}"),
            due,
            deed: Deed::Upkeep { check_data: info.checkData.clone() },
            target: info.target,
            callback_gas,
            limits,
            caller: *caller,
            setters: setters(&self.code),
            notes,
        })
    }

    fn due(&self) -> Result<Due, Refusal> {
        let (target, check_data) = (self.info.target, &self.info.checkData);
        let call = Bytes::from(Upkeep::checkUpkeepCall { checkData: check_data.clone() }.abi_encode());
        if check_data.len() > MAX_CALL_BYTES {
            return Err(Refusal::TooLong { what: "check data", length: check_data.len(), most: MAX_CALL_BYTES });
        }
        match self.trigger {
            CONDITION if call.len() > MAX_CALL_BYTES => {
                Err(Refusal::TooLong { what: "call of checkUpkeep", length: call.len(), most: MAX_CALL_BYTES })
            }
            CONDITION => Ok(Due::Condition { target, call }),
            LOG => self.log(),
            number => Err(Refusal::UnknownTrigger { number }),
        }
    }

    fn log(&self) -> Result<Due, Refusal> {
        let senseless = |why: &str| Refusal::SenselessTrigger { why: why.to_owned() };
        let config = LogTriggerConfig::abi_decode_validate(&self.trigger_config);
        let config = config.map_err(|_| senseless("it does not decode as one for logs"))?;
        let filter = config.filterSelector;
        if config.contractAddress.is_zero() {
            return Err(senseless("it names no contract"));
        }
        if config.topic0.is_zero() {
            return Err(senseless("it names no event"));
        }
        if filter > 0b111 {
            return Err(senseless("it asks for more topics than there are"));
        }
        let filter = 1 | filter << 1;
        let mut topics = [config.topic0, config.topic1, config.topic2, config.topic3];
        for (place, topic) in topics.iter_mut().enumerate() {
            if filter & (1 << place) == 0 {
                *topic = B256::ZERO;
            }
        }
        Ok(Due::Log { emitter: config.contractAddress, filter, topics, confirmations: 0 })
    }

    /// The most that it pays for a gas.
    fn limits(&self, notes: &mut Vec<String>) -> Limits {
        let config = &self.info.offchainConfig;
        match most_gas_price(config) {
            Ok(Some(most)) => {
                notes.push("what it pays for a gas at most counts for the base fee alone".to_owned());
                Limits { most_gas_price: most, ..Limits::default() }
            }
            Ok(None) => Limits::default(),
            Err(why) => {
                notes.push(format!("its settings off chain are left out: {why}"));
                Limits::default()
            }
        }
    }
}

/// The functions by which owners say who may call, of those that the code seems to have.
pub(super) fn setters(code: &[u8]) -> Vec<&'static str> {
    let known = [
        (Upkeep::setForwarderAddressCall::SELECTOR, Upkeep::setForwarderAddressCall::SIGNATURE),
        (Upkeep::setForwarderCall::SELECTOR, Upkeep::setForwarderCall::SIGNATURE),
        (Upkeep::setKeeperRegistryAddressCall::SELECTOR, Upkeep::setKeeperRegistryAddressCall::SIGNATURE),
    ];
    known.into_iter().filter(|(selector, _)| contains(code, *selector)).map(|(_, signature)| signature).collect()
}

/// Whether code reads who calls it, or hands its calls on to code that may: what stands between its instructions is not one.
fn may_ask_who_calls(code: &[u8]) -> bool {
    const CALLER: u8 = 0x33;
    const DELEGATECALL: u8 = 0xf4;
    const PUSHES: std::ops::RangeInclusive<u8> = 0x60..=0x7f;
    let mut place = 0;
    while let Some(&instruction) = code.get(place) {
        match instruction {
            CALLER | DELEGATECALL => return true,
            push if PUSHES.contains(&push) => place += 2 + usize::from(push - PUSHES.start()),
            _ => place += 1,
        }
    }
    false
}

/// Whether code puts these four bytes on its stack, as it does to compare or to return them.
fn contains(code: &[u8], selector: [u8; 4]) -> bool {
    const PUSH4: u8 = 0x63;
    code.windows(5).any(|bytes| bytes[0] == PUSH4 && bytes[1..] == selector)
}

#[cfg(test)]
mod tests;
