//! Exit codes, and how an error finds its code.

use std::{fmt, io};

use super::Code;
use crate::chain::ChainError;
use crate::{api, archive, config, journal, keystore, paths};

/// How the process ends. systemd: `RestartPreventExitStatus=2 5 8 9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or stopped by a signal as asked.
    Success = 0,
    /// Failed, and no other code fits; or the machine was short of something, and a restart may help.
    Failure = 1,
    /// Wrong flags or configuration; a restart does not help.
    Usage = 2,
    /// `status`: the keeper is not ready or does not answer.
    NotReady = 3,
    /// No such job, file, or registration.
    NotFound = 4,
    /// A key or a password; a restart does not help.
    Key = 5,
    /// The chain: unreachable, the wrong one, or a transaction failed.
    Chain = 6,
    /// The network: an address cannot be listened on.
    Network = 7,
    /// The data directory: in use, damaged, or of a newer version; a restart does not help.
    Data = 8,
    /// Stopped to protect the stake; a restart does not help.
    Protection = 9,
    /// Timed out.
    Timeout = 10,
}

impl Exit {
    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The exit code of an error: what [`WithExit::exit`] attached, else by the type of its first known cause. Where the
    /// machine was short of something, a restart may well help, whatever file it was noticed at.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        match error.chain().find_map(Self::of_cause) {
            Some(exit) if exit.is_final() && error.chain().any(passes) => Self::Failure,
            exit => exit.unwrap_or(Self::Failure),
        }
    }

    /// Whether a supervisor is not to start the keeper again.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Usage | Self::Key | Self::Data | Self::Protection)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(marked) = cause.downcast_ref::<Marked>() {
            return Some(marked.exit);
        }
        if cause.is::<config::Error>() || cause.is::<contracts::network::NetworkError>() {
            return Some(Self::Usage);
        }
        if let Some(error) = cause.downcast_ref::<ChainError>() {
            return Some(match error {
                ChainError::InvalidUrl { .. } => Self::Usage,
                ChainError::Ledger { .. } => Self::Data,
                _ => Self::Chain,
            });
        }
        if cause.is::<crate::driver::Protection>() {
            return Some(Self::Protection);
        }
        if cause.is::<keystore::Error>() || cause.is::<p2p::IdentityError>() {
            return Some(Self::Key);
        }
        if cause.is::<paths::Error>() {
            return Some(Self::Data);
        }
        if cause.is::<p2p::ConfigError>() {
            return Some(Self::Usage);
        }
        if let Some(error) = cause.downcast_ref::<p2p::Error>() {
            return Some(if matches!(error, p2p::Error::Config(_)) { Self::Usage } else { Self::Network });
        }
        if cause.is::<api::BindError>() {
            return Some(Self::Network);
        }
        if let Some(error) = cause.downcast_ref::<archive::Error>() {
            use archive::Error::{Broken, Disk, Held, Locked, Missing, Newer, Older, OtherOwner};
            return Some(match error {
                Missing { .. } => Self::NotFound,
                Newer { .. } | Older { .. } | OtherOwner { .. } | Broken { .. } => Self::Data,
                Locked { .. } | Held { .. } | Disk { .. } => Self::Failure,
            });
        }
        cause.downcast_ref::<journal::Error>().map(|error| match error {
            journal::Error::Missing { .. } | journal::Error::Poisoned { .. } => Self::Protection,
            journal::Error::GroupTooLarge { .. } | journal::Error::Stopped => Self::Failure,
            _ => Self::Data,
        })
    }
}

/// Whether a cause is the machine's and may pass: a disk that is full, read-only or failing, descriptors or memory that ran
/// out.
pub(super) fn passes(cause: &(dyn std::error::Error + 'static)) -> bool {
    let code = |error: &io::Error| error.raw_os_error();
    let number = match cause.downcast_ref::<ChainError>() {
        Some(ChainError::Ledger { system, .. }) => *system,
        _ => match cause.downcast_ref::<journal::Error>() {
            Some(journal::Error::Io { system, .. }) => *system,
            _ => cause.downcast_ref().and_then(code),
        },
    };
    const PASSING: [i32; 9] = [
        libc::ENOSPC,
        libc::EDQUOT,
        libc::EROFS,
        libc::EIO,
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::EINTR,
        libc::ESTALE,
    ];
    number.is_some_and(|number| PASSING.contains(&number))
}

/// An error with its exit code, and perhaps the code it has for people; it shows as the error alone.
pub(super) struct Marked {
    exit: Exit,
    code: Option<Code>,
    error: anyhow::Error,
}

impl Marked {
    /// The code attached to it, or that of the error itself; what has none in it gets the one of its exit code.
    pub(super) fn code(&self) -> Code {
        self.code.unwrap_or_else(|| match Code::of(&self.error) {
            Code::Failed => Code::of_exit(self.exit),
            code => code,
        })
    }
}

impl fmt::Debug for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Marked {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Past the error itself, whose text `Display` shows already.
        self.error.source()
    }
}

/// Attaches an exit code to an error.
pub trait WithExit<T> {
    /// The same result; on an error the process ends with `exit`.
    ///
    /// # Errors
    /// The error it was called on.
    fn exit(self, exit: Exit) -> anyhow::Result<T>;

    /// The same result; on an error it has this code, and the process ends as the code says.
    ///
    /// # Errors
    /// The error it was called on.
    fn code(self, code: Code) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> WithExit<T> for Result<T, E> {
    fn exit(self, exit: Exit) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(Marked { exit, code: None, error: error.into() }))
    }

    fn code(self, code: Code) -> anyhow::Result<T> {
        let marked = |error: E| Marked { exit: code.exit(), code: Some(code), error: error.into() };
        self.map_err(|error| anyhow::Error::new(marked(error)))
    }
}
