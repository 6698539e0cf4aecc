//! A code for every kind of error that a user meets: stable, so that it can be searched for and told to others.
//!
//! `docs/errors.md` has a part for each, under its code; the program carries that file and reads from it what an error
//! means and how it is mended. A test holds the two together.

mod of;

use std::sync::LazyLock;

use super::Exit;

/// What an error's code means, for people.
const DOCUMENT: &str = include_str!("../../../docs/errors.md");
/// Where that is, for readers of an error.
pub(super) const PAGE: &str = "docs/errors.md";
/// What stands in front of an error's mend.
const MEND: &str = "Mend: ";

/// Each code: its name here, its name for people, and how a process ends with it.
macro_rules! codes {
    ($($name:ident $id:literal $exit:ident,)*) => {
        /// A kind of error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "docs/errors.md has a part for each")]
        pub enum Code { $($name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name for people, such as `K-KEY-01`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How a process ends with it.
            #[must_use]
            pub const fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)* }
            }
        }
    };
}

codes! {
    Failed "K-ANY-01" Failure,
    PartEnded "K-ANY-02" Failure,
    TimedOut "K-ANY-03" Timeout,
    NotFound "K-ANY-04" NotFound,
    Machine "K-ANY-05" Failure,
    CommandLine "K-USE-01" Usage,
    SecretArgument "K-USE-02" Usage,
    Value "K-USE-03" Usage,
    ConfigUnreadable "K-CFG-01" Usage,
    ConfigWrong "K-CFG-02" Usage,
    SettingMissing "K-CFG-03" Usage,
    NetworkUnreadable "K-CFG-04" Usage,
    NetworkWrong "K-CFG-05" Usage,
    NetworkUnwritable "K-CFG-06" Usage,
    PeerAddress "K-CFG-07" Usage,
    RpcUrl "K-CFG-08" Usage,
    WrongPassword "K-KEY-01" Key,
    NoKeystore "K-KEY-02" Key,
    SeveralKeystores "K-KEY-03" Key,
    NotAKeystore "K-KEY-04" Key,
    OtherKeyInside "K-KEY-05" Key,
    KeyFile "K-KEY-06" Key,
    NoPassword "K-KEY-07" Key,
    OpenKey "K-KEY-08" Key,
    WrongCurve "K-KEY-09" Key,
    PublicKeyOfTests "K-KEY-10" Key,
    PasswordInEnvironment "K-KEY-11" Key,
    Identity "K-KEY-12" Key,
    Entropy "K-KEY-13" Key,
    KeyExists "K-KEY-14" Key,
    KeyProblem "K-KEY-15" Key,
    ChainUnreachable "K-CHAIN-01" Chain,
    WrongChain "K-CHAIN-02" Chain,
    NoContract "K-CHAIN-03" Chain,
    WrongDomain "K-CHAIN-04" Chain,
    Refused "K-CHAIN-05" Chain,
    Unbelievable "K-CHAIN-06" Chain,
    Undecided "K-CHAIN-07" Chain,
    Ledger "K-CHAIN-08" Data,
    ChainProblem "K-CHAIN-09" Chain,
    PortInUse "K-NET-01" Network,
    MeshSetup "K-NET-02" Network,
    NotReady "K-NET-03" NotReady,
    DataInUse "K-DATA-01" Data,
    DataOpen "K-DATA-02" Data,
    DataUnusable "K-DATA-03" Data,
    NoHome "K-DATA-04" Data,
    DataProblem "K-DATA-05" Data,
    JournalMissing "K-JRN-01" Protection,
    JournalInUse "K-JRN-02" Data,
    JournalOfOther "K-JRN-03" Data,
    JournalDamaged "K-JRN-04" Data,
    JournalUnusable "K-JRN-05" Data,
    JournalClosed "K-JRN-06" Protection,
    JournalExport "K-JRN-07" Data,
    RunsMissing "K-RUNS-01" NotFound,
    RunsOfOther "K-RUNS-02" Data,
    RunsBroken "K-RUNS-03" Data,
    RunsBusy "K-RUNS-04" Failure,
    NotABackup "K-BAK-01" Data,
    BackupOlder "K-BAK-02" Data,
    BackupOfOther "K-BAK-03" Data,
    NotAReceipt "K-RCPT-01" Usage,
    Protection "K-STOP-01" Protection,
}

/// The parts of the document, by their codes.
static PARTS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| parts(DOCUMENT));

fn parts(document: &str) -> Vec<(&str, &str)> {
    let parts = document.split("\n### ").skip(1);
    // The next area's heading ends the last part of one.
    let own = |part: &'_ str| part.find("\n## ").unwrap_or(part.len());
    parts.filter_map(|part| part[..own(part)].split_once('\n')).map(|(id, text)| (id.trim(), text.trim())).collect()
}

impl Code {
    /// The code with this name.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }

    /// What it means and how it is mended, in Markdown.
    #[must_use]
    pub fn text(self) -> &'static str {
        PARTS.iter().find(|(id, _)| *id == self.id()).map_or("", |(_, text)| *text)
    }

    /// How it is mended, in a line.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.text().lines().find_map(|line| line.strip_prefix(MEND)).unwrap_or_default()
    }

    /// Where it is explained.
    #[must_use]
    pub fn place(self) -> String {
        format!("{PAGE}#{}", self.id().to_lowercase())
    }
}

#[cfg(test)]
mod tests;
