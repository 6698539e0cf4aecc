//! What a run of a job does, and how the contract has it: `IJobManager.Action` and what belongs to it.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolValue;

use super::TermsError;
use crate::IJobManager::{Job, JobParams};

const WASM: u8 = 0;
const UPKEEP: u8 = 1;
const RESOLVER: u8 = 2;
const CALL: u8 = 3;

/// What the parameters of a job that looks outside begin with on chain, before `abi.encode(string[] hosts, bytes params)`: to the
/// contract it is a job with code like any other, and its list is as pinned as its code.
const OBSERVING: &[u8; 32] = b"keeper:job/observing-job@0.1.0\0\0";
/// Most hosts of one job, and the longest, in bytes.
const MAX_HOSTS: usize = 16;
const MAX_HOST_BYTES: usize = 128;

const fn name(number: u8) -> &'static str {
    match number {
        WASM => "wasm",
        UPKEEP => "upkeep",
        RESOLVER => "resolver",
        CALL => "call",
        _ => "unknown",
    }
}

/// What a run of a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionTerms {
    /// Runs code, which decides what the target is called with.
    Wasm(WasmTerms),
    /// Runs code that looks outside the chain first, at some hosts.
    Observing(ObservingTerms),
    /// Asks the target whether it needs anything, and calls it with what it says then; no code.
    Upkeep(UpkeepTerms),
    /// Asks another contract whether the target is to be called, and with what; no code.
    Resolver(ResolverTerms),
    /// Calls the target with the same bytes every time; no code.
    Call(CallTerms),
}

/// The code of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmTerms {
    /// Where keepers fetch it.
    pub code_url: String,
    /// SHA-256 of the code.
    pub code_hash: B256,
    /// Handed to the code unchanged.
    pub params: Bytes,
}

impl WasmTerms {
    fn of(params: &JobParams, handed: Bytes) -> Self {
        Self { code_url: params.codeUrl.clone(), code_hash: params.codeHash, params: handed }
    }
}

/// The code of a job that looks outside: on chain an action of the same kind, whose parameters say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservingTerms {
    /// Its code, and what is handed to that.
    pub code: WasmTerms,
    /// The hosts that it may ask, each `name` or `name:port`: at least one.
    pub hosts: Vec<String>,
}

impl ObservingTerms {
    /// `params` on chain.
    fn params(&self) -> Bytes {
        let listed = (self.hosts.clone(), self.code.params.clone()).abi_encode_params();
        [OBSERVING.as_slice(), &listed].concat().into()
    }

    /// Whether it is one, and if so which.
    fn decode(params: &JobParams) -> Option<Result<Self, TermsError>> {
        let listed = params.params.strip_prefix(OBSERVING)?;
        let decoded = <(Vec<String>, Bytes)>::abi_decode_params_validate(listed);
        let is_one = |hosts: &[String]| {
            (1..=MAX_HOSTS).contains(&hosts.len()) && hosts.iter().all(|host| host.len() <= MAX_HOST_BYTES)
        };
        Some(match decoded {
            Ok((hosts, handed)) if is_one(&hosts) => Ok(Self { code: WasmTerms::of(params, handed), hosts }),
            _ => Err(TermsError::ActionData(WASM)),
        })
    }
}

/// A target that is asked first, as Chainlink's registries asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpkeepTerms {
    /// Handed to `checkUpkeep` or `checkLog` unchanged; `params` on chain.
    pub check_data: Bytes,
}

/// A contract that is asked first, as Gelato asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverTerms {
    /// The contract; `params` on chain are `abi.encode(address resolver, bytes calldata)`.
    pub resolver: Address,
    /// What it is asked with.
    pub calldata: Bytes,
}

/// A call without code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTerms {
    /// What the target is called with; `params` on chain.
    pub calldata: Bytes,
}

impl ActionTerms {
    /// The number of its kind, `IJobManager.Action`.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Wasm(_) | Self::Observing(_) => WASM,
            Self::Upkeep(_) => UPKEEP,
            Self::Resolver(_) => RESOLVER,
            Self::Call(_) => CALL,
        }
    }

    /// The word for its kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        name(self.number())
    }

    /// The code it runs: `codeUrl`, `codeHash` (a part of the outcome hash) and `params` on chain.
    pub(super) fn fields(&self) -> (&str, B256, Bytes) {
        match self {
            Self::Wasm(wasm) => (&wasm.code_url, wasm.code_hash, wasm.params.clone()),
            Self::Observing(job) => (&job.code.code_url, job.code.code_hash, job.params()),
            Self::Upkeep(upkeep) => ("", B256::ZERO, upkeep.check_data.clone()),
            Self::Resolver(ResolverTerms { resolver, calldata }) => {
                ("", B256::ZERO, (*resolver, calldata.clone()).abi_encode_params().into())
            }
            Self::Call(call) => ("", B256::ZERO, call.calldata.clone()),
        }
    }

    /// Whether keepers look outside the chain for it, and agree on what they saw.
    #[must_use]
    pub const fn observes(&self) -> bool {
        matches!(self, Self::Observing(_))
    }

    /// SHA-256 of its code, a part of the outcome hash; zero where there is none.
    #[must_use]
    pub fn code_hash(&self) -> B256 {
        self.fields().1
    }

    /// Reads the action out of what is on chain.
    ///
    /// # Errors
    /// A kind that is not known, or one that does not take what `params` brings.
    pub fn decode(params: &JobParams) -> Result<Self, TermsError> {
        let terms = match params.action {
            WASM => match ObservingTerms::decode(params) {
                Some(observing) => Self::Observing(observing?),
                None => Self::Wasm(WasmTerms::of(params, params.params.clone())),
            },
            UPKEEP => Self::Upkeep(UpkeepTerms { check_data: params.params.clone() }),
            RESOLVER => {
                let terms = <(Address, Bytes)>::abi_decode_params_validate(&params.params);
                let (resolver, calldata) = terms.map_err(|_| TermsError::ActionData(params.action))?;
                Self::Resolver(ResolverTerms { resolver, calldata })
            }
            CALL => Self::Call(CallTerms { calldata: params.params.clone() }),
            _ => return Err(TermsError::UnknownAction(params.action)),
        };
        let fits = terms.fields() == (params.codeUrl.as_str(), params.codeHash, params.params.clone());
        if fits { Ok(terms) } else { Err(TermsError::ActionData(params.action)) }
    }

    /// The word for the action of a job as the contract keeps it; `unknown` for a kind that is not known.
    #[must_use]
    pub const fn name_of(job: &Job) -> &'static str {
        name(job.action)
    }
}
