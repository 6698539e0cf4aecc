//! Why a driver ends although nobody has stopped it.

/// Why a keeper has stopped to protect its stake. It must not be restarted unasked.
#[derive(Debug, thiserror::Error)]
#[error("stopped to protect the stake: {0}")]
pub struct Protection(pub(super) String);

/// Why a driver has ended.
#[derive(Debug)]
pub enum Stopped {
    /// It must not go on.
    Protection(Protection),
    /// A part without which nothing works has ended.
    Part(PartEnded),
}

/// A part that has ended by itself. A keeper without it would look as if it worked.
#[derive(Debug, thiserror::Error)]
#[error(
    "a part of this keeper has ended by itself: {0}. Without it nothing works, so the keeper stops; lines of the log above may say \
     why. Start it again: nothing is lost. If it ends again, that is a bug: report it with the log"
)]
pub struct PartEnded(pub(super) &'static str);

impl Stopped {
    /// A part has ended.
    pub(super) fn part(name: &'static str) -> Self {
        Self::Part(PartEnded(name))
    }

    /// The error itself, by whose type the exit code is found.
    #[must_use]
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Protection(why) => why.into(),
            Self::Part(part) => part.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    #[test]
    fn each_end_has_its_exit_code_and_names_itself() {
        let stopped = Stopped::Protection(Protection("why".to_owned())).into_error();
        assert_eq!(Exit::of(&stopped), Exit::Protection);
        let stopped = Stopped::part("the journal").into_error();
        assert_eq!(Exit::of(&stopped), Exit::Failure);
        assert!(stopped.to_string().contains("by itself: the journal"), "{stopped}");
    }
}
