//! What the switch is told, a line each: `delay 50 10`, `loss 5`, `cut 0,1,2 3,4,5,6`, `heal`. A cut is one way: for both it takes two.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How it is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Every frame takes so long, give or take the second.
    Delay(Duration, Duration),
    /// Of a hundred frames so many are lost.
    Loss(u8),
    /// Nothing goes from the first ports to the second ones any more.
    Cut(Vec<usize>, Vec<usize>),
    /// Nothing is cut.
    Heal,
}

impl fmt::Display for Order {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ports: &[usize]| ports.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Delay(delay, jitter) => write!(to, "delay {} {}", delay.as_millis(), jitter.as_millis()),
            Self::Loss(percent) => write!(to, "loss {percent}"),
            Self::Cut(from, into) => write!(to, "cut {} {}", list(from), list(into)),
            Self::Heal => write!(to, "heal"),
        }
    }
}

impl FromStr for Order {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<u64>().with_context(|| format!("{word:?} in {line:?} is no number"));
        let list = |word: &str| word.split(',').map(|port| Ok(usize::try_from(number(port)?)?)).collect::<Result<_>>();
        Ok(match words[..] {
            ["delay", delay, jitter] => {
                Self::Delay(Duration::from_millis(number(delay)?), Duration::from_millis(number(jitter)?))
            }
            ["loss", percent] => match u8::try_from(number(percent)?) {
                Ok(percent @ 0..=100) => Self::Loss(percent),
                _ => bail!("{percent} in {line:?} is more than all"),
            },
            ["cut", from, into] => Self::Cut(list(from)?, list(into)?),
            ["heal"] => Self::Heal,
            _ => bail!("{line:?} is no order: delay MS JITTER, loss PERCENT, cut PORTS PORTS, heal"),
        })
    }
}
