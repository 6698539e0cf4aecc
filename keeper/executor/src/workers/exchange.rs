//! One run on one worker: what the worker may say, and what the keeper says to it then.
//!
//! ```text
//!            missing            loaded
//!   Asked ────────────► Loading ───────► AskedAgain
//!     │ ▲ read, request    │ invalid        │ ▲ read, request
//!     │ └──┘               ▼                │ └──┘
//!     └──────── done ───► Over ◄── done ────┘
//! ```
//!
//! Anything else is a fault: the worker is no longer ours.

use super::worker::Broken;
use crate::wire::{ChainRead, Output, Said};

/// Chain reads and requests a run can make at all: its fuel pays for no more, refused ones included.
const MAX_ASKED: u32 = 10_000;

/// Where a run stands.
#[derive(Debug)]
pub(super) struct Exchange {
    phase: Phase,
    asked: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Asked,
    Loading,
    AskedAgain,
    Over,
}

/// What the keeper does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send the compiled code.
    Load,
    /// Ask for the run again.
    Run,
    /// Answer a chain read.
    Answer(ChainRead),
    /// Answer a request to the web.
    Fetch(Vec<u8>),
    /// The run has ended.
    End(Output),
    /// The worker cannot load the code.
    Unloadable(String),
}

impl Exchange {
    /// A run that has just been asked for.
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Asked, asked: 0 }
    }

    /// Takes in what the worker said.
    pub(super) fn on(&mut self, said: Said) -> Result<Next, Broken> {
        let (phase, next) = match (self.phase, said) {
            (Phase::Asked, Said::Missing) if self.asked == 0 => (Phase::Loading, Next::Load),
            (Phase::Loading, Said::Loaded) => (Phase::AskedAgain, Next::Run),
            (Phase::Loading, Said::Invalid(why) | Said::Unloadable(why)) => (Phase::Over, Next::Unloadable(why)),
            (Phase::Asked | Phase::AskedAgain, Said::Read(read)) if self.asked < MAX_ASKED => {
                self.asked += 1;
                (self.phase, Next::Answer(read))
            }
            (Phase::Asked | Phase::AskedAgain, Said::Fetch(request)) if self.asked < MAX_ASKED => {
                self.asked += 1;
                (self.phase, Next::Fetch(request))
            }
            (Phase::Asked | Phase::AskedAgain, Said::Done(output)) => (Phase::Over, Next::End(output)),
            (phase, said) => return Err(Broken::Fault(format!("{} while {phase:?}", said.name()))),
        };
        self.phase = phase;
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
