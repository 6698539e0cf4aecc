//! The terminal as a screen: taken over while somebody watches, given back however that ends.

use std::io::{Read, Write, stdin, stdout};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// What a frame is cut to where nobody says how large the terminal is.
const USUAL_SIZE: (u16, u16) = (110, 40);
/// Another screen than the one with the command line, without a cursor, and the way back.
const TAKE: &str = "\u{1b}[?1049h\u{1b}[?25l";
const GIVE_BACK: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// To the upper left, to the end of the line, to the end of the screen.
const HOME: &str = "\u{1b}[H";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST: &str = "\u{1b}[J";

/// Columns and rows of the terminal.
pub(super) fn size() -> (u16, u16) {
    terminal_size::terminal_size().map_or(USUAL_SIZE, |(columns, rows)| (columns.0, rows.0))
}

/// The terminal, taken over until this is dropped.
pub(super) struct Screen {
    before: Termios,
    keys: mpsc::Receiver<u8>,
}

impl Screen {
    /// Has keys told at once and not shown, and clears the screen.
    pub(super) fn take() -> std::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        // Ctrl-C stays a signal.
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw)?;
        write!(stdout(), "{TAKE}")?;
        stdout().flush()?;
        Ok(Self { before, keys: keys() })
    }

    /// Draws a frame, with a word below it.
    pub(super) fn paint(&self, frame: &str, trouble: &str, (width, height): (u16, u16)) -> std::io::Result<()> {
        let mut picture = HOME.to_owned();
        for line in frame.lines() {
            picture.push_str(line);
            picture.push_str(REST_OF_LINE);
            picture.push('\n');
        }
        let word: String = if trouble.is_empty() { "q quits" } else { trouble }.chars().take(width.into()).collect();
        picture.push_str(&format!("{REST}\u{1b}[{height};1H{word}{REST_OF_LINE}"));
        let mut out = stdout();
        out.write_all(picture.as_bytes())?;
        out.flush()
    }

    /// Returns once somebody has pressed q or Escape, or can press nothing any more.
    pub(super) async fn left(&mut self) {
        while let Some(key) = self.keys.recv().await {
            if matches!(key, b'q' | b'Q' | 0x1b) {
                return;
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.before);
        let _ = write!(stdout(), "{GIVE_BACK}");
        let _ = stdout().flush();
    }
}

/// Tells the keys that are pressed; what nobody takes is left out. The thread ends with the process.
fn keys() -> mpsc::Receiver<u8> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut key = [0];
        while matches!(stdin().read(&mut key), Ok(1)) {
            if matches!(sender.try_send(key[0]), Err(mpsc::error::TrySendError::Closed(_))) {
                return;
            }
        }
    });
    receiver
}
