//! What a worker is for.

/// A worker runs jobs or compiles one component; never both, so that neither holds up or harms the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs jobs, one at a time, for as long as its keeper lives.
    Run,
    /// Compiles one component and ends.
    Compile,
}

impl Role {
    /// The word on the worker's command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Compile => "compile",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "run" => Ok(Self::Run),
            "compile" => Ok(Self::Compile),
            other => Err(format!("a worker's role is run or compile, not {other:?}")),
        }
    }
}
