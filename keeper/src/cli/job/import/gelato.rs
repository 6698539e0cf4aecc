//! Tasks of Gelato's Automate: what it logged when one was created, and whether it still has it.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use contracts::terms::Limits;

use super::ask::Reader;
use super::proposal::{Deed, Due, Proposal};
use super::refusal::Refusal;
use super::{MAX_CALL_BYTES, MAX_CALLBACK_GAS, Wish, callback_gas, chainlink};

pub(super) mod trigger;

sol! {
    #[derive(Debug)]
    struct ModuleData {
        uint8[] modules;
        bytes[] args;
    }

    /// Of all versions since modules came, 2022.
    #[derive(Debug)]
    event TaskCreated(
        address indexed taskCreator,
        address indexed execAddress,
        bytes execDataOrSelector,
        ModuleData moduleData,
        address feeToken,
        bytes32 indexed taskId
    );

    interface Automate {
        function getTaskIdsByUser(address taskCreator) external view returns (bytes32[]);
    }

    interface Proxy {
        function executeCall(address target, bytes data, uint256 value) external payable;
        function batchExecuteCall(address[] targets, bytes[] datas, uint256[] values) external payable;
    }
}

/// Numbers of modules.
mod module {
    pub(super) const RESOLVER: u8 = 0;
    pub(super) const TIME: u8 = 1;
    pub(super) const PROXY: u8 = 2;
    pub(super) const SINGLE_EXEC: u8 = 3;
    pub(super) const WEB3_FUNCTION: u8 = 4;
    pub(super) const TRIGGER: u8 = 5;
}

/// Everything that is known of a task.
#[derive(Clone, Debug)]
struct Entry {
    automate: Address,
    task: B256,
    creator: Address,
    target: Address,
    data: Bytes,
    modules: ModuleData,
    /// What each run was paid in; zero: in advance.
    fee_token: Address,
    ended: bool,
    /// The target's code.
    code: Bytes,
}

/// The log that tells of a task's creation.
pub(super) fn filter(automate: Address, task: B256) -> Filter {
    Filter::new().address(automate).event_signature(TaskCreated::SIGNATURE_HASH).topic3(task)
}

/// Whether a log is that one; nodes may answer with others.
pub(super) fn created(log: &Log, automate: Address, task: B256) -> Option<TaskCreated> {
    let event = log.log_decode_validate::<TaskCreated>().ok()?.inner.data;
    (log.address() == automate && event.taskId == task).then_some(event)
}

/// Says which job does the same as a task.
pub(super) async fn read(
    reader: &Reader,
    automate: Address,
    created: TaskCreated,
    wish: Wish,
) -> Result<Proposal, Refusal> {
    let (creator, task) = (created.taskCreator, created.taskId);
    let question = Automate::getTaskIdsByUserCall { taskCreator: creator };
    let ended = !reader.ask(automate, "creator's tasks", &question).await?.contains(&task);
    let code = reader.code(created.execAddress).await?;
    let entry = Entry {
        automate,
        task,
        creator,
        target: created.execAddress,
        data: created.execDataOrSelector,
        modules: created.moduleData,
        fee_token: created.feeToken,
        ended,
        code,
    };
    entry.proposal(wish)
}

/// What its modules ask for.
#[derive(Debug, Default)]
struct Modules {
    resolver: Option<(Address, Bytes)>,
    due: Option<Due>,
    by_proxy: bool,
    single: bool,
}

impl Entry {
    /// Which job does the same.
    fn proposal(self, wish: Wish) -> Result<Proposal, Refusal> {
        if self.ended && !wish.cancelled {
            return Err(Refusal::TaskEnded { task: self.task, creator: self.creator });
        }
        let selector = self.data.get(..4).unwrap_or_default();
        if [Proxy::executeCallCall::SELECTOR, Proxy::batchExecuteCallCall::SELECTOR].iter().any(|own| own == selector) {
            return Err(Refusal::OwnProxy { target: self.target });
        }
        let mut notes = Vec::new();
        let modules = self.modules(&mut notes)?;
        let (due, deed) = self.job(&modules)?;
        notes.extend(self.notes(&modules, &due));
        let limits = Limits { most_runs: u32::from(modules.single && due != Due::Once), ..Limits::default() };
        Ok(Proposal {
            source: format!("task {} of Automate at {}", self.task, self.automate),
            due,
            deed,
            target: self.target,
            callback_gas: callback_gas(wish, MAX_CALLBACK_GAS)?,
            limits,
            caller: if modules.by_proxy { self.creator } else { self.automate },
            setters: chainlink::setters(&self.code),
            notes,
        })
    }

    fn modules(&self, notes: &mut Vec<String>) -> Result<Modules, Refusal> {
        let senseless = |why: String| Refusal::SenselessModules { why };
        let ModuleData { modules, args } = &self.modules;
        if modules.len() != args.len() {
            return Err(senseless(format!("{} of them, and {} arguments", modules.len(), args.len())));
        }
        let mut found = Modules::default();
        let mut seen = Vec::new();
        for (number, args) in modules.iter().copied().zip(args) {
            if seen.contains(&number) {
                return Err(senseless(format!("module {number} is there twice")));
            }
            seen.push(number);
            match number {
                module::RESOLVER => found.resolver = Some(resolver(args)?),
                module::TIME => found.due = Some(trigger::time(args, notes)?),
                module::PROXY => found.by_proxy = true,
                module::SINGLE_EXEC => found.single = true,
                module::WEB3_FUNCTION => return Err(Refusal::OffChainCode { code: web3_function(args) }),
                module::TRIGGER => found.due = Some(trigger::trigger(args, notes)?),
                _ => return Err(senseless(format!("module {number} is not known"))),
            }
        }
        if seen.contains(&module::TIME) && seen.contains(&module::TRIGGER) {
            return Err(senseless("it has two triggers".to_owned()));
        }
        Ok(found)
    }

    /// Without a trigger of its own a task is looked at all the time.
    fn job(&self, modules: &Modules) -> Result<(Due, Deed), Refusal> {
        let Some((resolver, call)) = modules.resolver.clone() else {
            if self.data.len() > MAX_CALL_BYTES {
                return Err(Refusal::TooLong { what: "call", length: self.data.len(), most: MAX_CALL_BYTES });
            }
            let always = || if modules.single { Due::Once } else { Due::Blocks { every: 1 } };
            return Ok((modules.due.clone().unwrap_or_else(always), Deed::Call { calldata: self.data.clone() }));
        };
        let due = match &modules.due {
            None | Some(Due::Blocks { every: 1 }) => Due::Condition { target: resolver, call: call.clone() },
            Some(due) => due.clone(),
        };
        Ok((due, Deed::Resolver { resolver, call }))
    }

    fn notes(&self, modules: &Modules, due: &Due) -> Vec<String> {
        let mut notes = Vec::new();
        notes.push(match self.ended {
            true => "its creator has ended it there".to_owned(),
            false => "it is still there: end it, or both run it".to_owned(),
        });
        if modules.by_proxy {
            notes.push(format!("so far the proxy of {} has called the target, its dedicated sender", self.creator));
        } else {
            notes.push("so far 20 bytes with its creator's address followed on the call's, and none do now".to_owned());
        }
        if !self.fee_token.is_zero() {
            notes.push(format!(
                "so far the target has paid for each run, in {}: a fee that it asks Automate for is zero now",
                self.fee_token
            ));
        }
        if modules.resolver.is_some() && self.data.len() >= 4 {
            notes.push(format!("what the resolver gives was called only where it began with {}", self.data.slice(..4)));
        }
        if matches!(due, Due::Condition { .. } | Due::Blocks { .. }) {
            notes.push("it is looked at in every block".to_owned());
        }
        notes
    }
}

fn resolver(args: &[u8]) -> Result<(Address, Bytes), Refusal> {
    let senseless = |why: &str| Refusal::SenselessModules { why: why.to_owned() };
    let decoded = <(Address, Bytes)>::abi_decode_params_validate(args);
    let (resolver, call) = decoded.map_err(|_| senseless("the resolver does not decode"))?;
    // With its address and two words around it, it is an action's parameter too.
    let length = (resolver, call.clone()).abi_encode_params().len();
    if resolver.is_zero() {
        return Err(senseless("the resolver has no address"));
    }
    if length > MAX_CALL_BYTES {
        return Err(Refusal::TooLong { what: "call of the resolver", length, most: MAX_CALL_BYTES });
    }
    Ok((resolver, call))
}

/// The place of the code, as far as it decodes.
fn web3_function(args: &[u8]) -> String {
    let decoded = <(String, Bytes)>::abi_decode_params(args);
    decoded.map(|(code, _)| code.chars().take(100).collect()).unwrap_or_default()
}

/// A number of the ABI as one of this machine's.
fn small<T: TryFrom<U256>>(number: U256, what: &str) -> Result<T, Refusal> {
    T::try_from(number).map_err(|_| Refusal::SenselessTrigger { why: format!("{what} is {number}") })
}

#[cfg(test)]
mod tests;
