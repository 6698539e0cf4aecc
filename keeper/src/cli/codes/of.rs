//! Which code an error has, by its type. No match here has a last arm for the rest: a new error needs a code.

use super::Code;
use crate::chain::ChainError;
use crate::cli::Exit;
use crate::cli::exit::{Marked, passes};
use crate::driver::{PartEnded, Protection};
use crate::journal::interchange::InterchangeError;
use crate::receipt::Unreadable;
use crate::{api, archive, config, journal, keystore, paths};

impl Code {
    /// The code of an error: the one that was attached to it, else that of its first cause with one of its own, else what
    /// follows from its exit code.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        let found = error.chain().find_map(of_cause);
        match found {
            Some(code) if Exit::of(error) == Exit::Failure && error.chain().any(passes) && code.exit().is_final() => {
                Self::Machine
            }
            Some(code) => code,
            None => Self::of_exit(Exit::of(error)),
        }
    }

    /// The code of whatever has no other.
    pub(in crate::cli) const fn of_exit(exit: Exit) -> Self {
        match exit {
            Exit::Success | Exit::Failure => Self::Failed,
            Exit::Usage => Self::Value,
            Exit::NotReady => Self::NotReady,
            Exit::NotFound => Self::NotFound,
            Exit::Key => Self::KeyProblem,
            Exit::Chain => Self::ChainProblem,
            Exit::Network => Self::MeshSetup,
            Exit::Data => Self::DataProblem,
            Exit::Protection => Self::Protection,
            Exit::Timeout => Self::TimedOut,
        }
    }
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if let Some(marked) = cause.downcast_ref::<Marked>() {
        return Some(marked.code());
    }
    if cause.is::<Protection>() {
        return Some(Code::Protection);
    }
    if cause.is::<PartEnded>() {
        return Some(Code::PartEnded);
    }
    if cause.is::<api::BindError>() {
        return Some(Code::PortInUse);
    }
    if cause.is::<Unreadable>() {
        return Some(Code::NotAReceipt);
    }
    if cause.is::<p2p::ConfigError>() {
        return Some(Code::PeerAddress);
    }
    let settings = || cause.downcast_ref().map(of_config).or_else(|| cause.downcast_ref().map(of_network));
    let keys = || cause.downcast_ref().map(of_keystore).or_else(|| cause.downcast_ref().map(of_identity));
    let data = || cause.downcast_ref().map(of_paths).or_else(|| cause.downcast_ref().map(of_archive));
    let journal = || cause.downcast_ref().map(of_journal).or_else(|| cause.downcast_ref().map(of_export));
    let chain = || cause.downcast_ref().map(of_chain).or_else(|| cause.downcast_ref().map(of_mesh));
    settings().or_else(keys).or_else(data).or_else(journal).or_else(chain)
}

fn of_config(error: &config::Error) -> Code {
    match error {
        config::Error::Io { .. } => Code::ConfigUnreadable,
        config::Error::Malformed { .. } => Code::ConfigWrong,
        config::Error::Unset { .. } => Code::SettingMissing,
        config::Error::NoPreset { .. } => Code::NetworkUnreadable,
    }
}

fn of_network(error: &contracts::network::NetworkError) -> Code {
    use contracts::network::NetworkError::{Malformed, Read, Value, Write};
    match error {
        Read { .. } => Code::NetworkUnreadable,
        Malformed { .. } | Value { .. } => Code::NetworkWrong,
        Write { .. } => Code::NetworkUnwritable,
    }
}

fn of_keystore(error: &keystore::Error) -> Code {
    use keystore::Error;
    match error {
        Error::Missing { .. } => Code::NoKeystore,
        Error::Ambiguous { .. } => Code::SeveralKeystores,
        Error::WrongPassword { .. } => Code::WrongPassword,
        Error::Malformed { .. } => Code::NotAKeystore,
        Error::Mismatch { .. } => Code::OtherKeyInside,
        Error::Io { .. } => Code::KeyFile,
        Error::NoPassword(_) => Code::NoPassword,
        Error::Entropy(_) => Code::Entropy,
        Error::Permissions { .. } => Code::OpenKey,
        Error::WrongCurve { .. } => Code::WrongCurve,
        Error::Exists { .. } => Code::KeyExists,
        Error::PasswordInEnvironment => Code::PasswordInEnvironment,
        Error::PublicKeyOfTests { .. } => Code::PublicKeyOfTests,
    }
}

fn of_identity(error: &p2p::IdentityError) -> Code {
    match error {
        p2p::IdentityError::Permissions { .. } => Code::OpenKey,
        p2p::IdentityError::File { .. } | p2p::IdentityError::Corrupt { .. } => Code::Identity,
    }
}

fn of_paths(error: &paths::Error) -> Code {
    match error {
        paths::Error::NoHome => Code::NoHome,
        paths::Error::InUse { .. } => Code::DataInUse,
        paths::Error::Open { .. } => Code::DataOpen,
        paths::Error::Io { .. } => Code::DataUnusable,
    }
}

fn of_archive(error: &archive::Error) -> Code {
    use archive::Error::{Broken, Disk, Held, Locked, Missing, Newer, Older, OtherOwner};
    match error {
        Missing { .. } => Code::RunsMissing,
        Newer { .. } | Older { .. } | OtherOwner { .. } => Code::RunsOfOther,
        Broken { .. } => Code::RunsBroken,
        Locked { .. } | Held { .. } => Code::RunsBusy,
        Disk { .. } => Code::Machine,
    }
}

fn of_journal(error: &journal::Error) -> Code {
    use journal::Error;
    match error {
        Error::Missing { .. } => Code::JournalMissing,
        Error::InUse { .. } => Code::JournalInUse,
        Error::OtherKey { .. } | Error::OtherChain { .. } => Code::JournalOfOther,
        Error::NewerVersion { .. } | Error::Corrupt { .. } => Code::JournalDamaged,
        Error::Io { .. } => Code::JournalUnusable,
        Error::Poisoned { .. } => Code::JournalClosed,
        Error::GroupTooLarge { .. } | Error::Stopped => Code::Failed,
    }
}

fn of_export(error: &InterchangeError) -> Code {
    match error {
        InterchangeError::Journal(error) => of_journal(error),
        InterchangeError::Read { .. }
        | InterchangeError::TooLarge { .. }
        | InterchangeError::Malformed { .. }
        | InterchangeError::NewerVersion { .. }
        | InterchangeError::OtherKey { .. }
        | InterchangeError::OtherNetwork { .. }
        | InterchangeError::Conflict { .. } => Code::JournalExport,
    }
}

fn of_chain(error: &ChainError) -> Code {
    match error {
        ChainError::InvalidUrl { .. } => Code::RpcUrl,
        ChainError::Unreachable(_) => Code::ChainUnreachable,
        ChainError::WrongChainId(_) => Code::WrongChain,
        ChainError::Undecided(_) | ChainError::Unconfirmed(_) | ChainError::Disagreeing(_) => Code::Undecided,
        ChainError::Refused(_) | ChainError::TooMuch(_) => Code::Refused,
        ChainError::MissingContract { .. } => Code::NoContract,
        ChainError::WrongDomain { .. } => Code::WrongDomain,
        ChainError::Unbelievable { .. } => Code::Unbelievable,
        ChainError::Ledger { .. } => Code::Ledger,
    }
}

fn of_mesh(error: &p2p::Error) -> Code {
    match error {
        p2p::Error::Config(_) => Code::PeerAddress,
        p2p::Error::Listen { .. } => Code::PortInUse,
        p2p::Error::Setup { .. } => Code::MeshSetup,
    }
}
