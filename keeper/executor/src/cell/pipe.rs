//! The worker's end of the two pipes.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::AsFd;

use crate::wire::{MAX_ORDER, Order, Said, length};

/// Why there is nothing more to hear or say.
#[derive(Debug)]
pub(super) enum Closed {
    /// The keeper has let go, or is gone.
    End,
    /// What came was no order.
    Broken(String),
}

/// Frames in, frames out.
#[derive(Debug)]
pub(super) struct Pipe {
    input: BufReader<File>,
    output: File,
}

impl Pipe {
    /// Over the standard input and output, past their buffers.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { input: BufReader::with_capacity(64 << 10, input), output })
    }

    pub(super) fn say(&mut self, number: u64, said: &Said) -> Result<(), Closed> {
        self.output.write_all(&said.encode(number)).map_err(|_| Closed::End)
    }

    pub(super) fn hear(&mut self) -> Result<(u64, Order), Closed> {
        let mut field = [0; 4];
        self.input.read_exact(&mut field).map_err(|_| Closed::End)?;
        let length = length(field, MAX_ORDER).map_err(|error| Closed::Broken(error.to_string()))?;
        let mut frame = vec![0; length];
        self.input.read_exact(&mut frame).map_err(|_| Closed::End)?;
        Order::decode(&frame).map_err(|error| Closed::Broken(error.to_string()))
    }
}
