//! Who sits before the program, if anybody does: questions go to stderr, for stdout is the answer's.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, anyhow};

use super::{Exit, WithExit};

/// Somebody who can be told things and asked.
pub(super) trait Terminal {
    /// Shows a line.
    fn say(&mut self, text: &str);

    /// Asks, and takes the line that is typed; nothing at the end of input (Ctrl-D).
    fn ask(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// The terminal that the program runs on.
#[derive(Debug)]
pub(super) struct Person;

impl Person {
    /// There is one if both what is asked and what is answered go through a terminal.
    pub(super) fn present() -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self)
    }
}

impl Terminal for Person {
    fn say(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut stderr = io::stderr();
        write!(stderr, "{question} ")?;
        stderr.flush()?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }
}

/// Goes on only if `yes` was given, or somebody types `word` to this question.
///
/// # Errors
/// Something else was typed, or there is nobody to ask.
pub(super) fn confirm(terminal: Option<&mut dyn Terminal>, yes: bool, question: &str, word: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    let Some(terminal) = terminal else {
        return Err(anyhow!("{question} There is no terminal to ask on: add --yes to the command")).exit(Exit::Usage);
    };
    terminal.say(question);
    match terminal.ask(&format!("Type {word} to go on:"))? {
        Some(typed) if typed.eq_ignore_ascii_case(word) => Ok(()),
        _ => Err(anyhow!("nothing was done")).exit(Exit::Failure),
    }
}
