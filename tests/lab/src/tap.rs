//! A TAP: a network interface whose cable ends in this process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};

/// The device that makes them.
const DEVICE: &str = "/dev/net/tun";
/// Longest frame that is read: the usual 1,500 bytes, with the head around them and room.
const FRAME: usize = 2_048;

/// What TUNSETIFF takes: `struct ifreq`, of which it reads the name and the flags.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// One end of a cable. It lives on in whatever namespace its interface is moved to, until this is dropped.
#[derive(Debug)]
pub struct Tap(File);

impl Tap {
    /// Makes the interface `name` in this process's namespace.
    ///
    /// # Errors
    /// The kernel refuses: it takes root, and `/dev/net/tun`.
    pub fn new(name: &str) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open(DEVICE);
        let file = file.with_context(|| format!("could not open {DEVICE}: this takes root, and the module tun"))?;
        let mut request = Request { name: [0; libc::IFNAMSIZ], flags: tap_flags()?, rest: [0; 22] };
        for (place, letter) in request.name[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
            *place = letter;
        }
        set_interface(&file, &mut request).with_context(|| format!("could not make the interface {name}"))?;
        Ok(Self(file))
    }

    /// Another handle of it, to write to while somebody reads.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// The next frame; waits for one.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; FRAME];
        let length = self.0.read(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl Write for Tap {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.0.write(frame)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Frames as they are, without a head of the kernel's own.
fn tap_flags() -> Result<libc::c_short> {
    Ok(libc::c_short::try_from(libc::IFF_TAP | libc::IFF_NO_PI)?)
}

#[expect(unsafe_code, reason = "no safe crate of this workspace has the call that makes a TAP")]
fn set_interface(file: &File, request: &mut Request) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and TUNSETIFF reads and writes no more than a
    // `struct ifreq`, which `Request` is as long as (40 bytes on 64-bit Linux).
    let done = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, std::ptr::from_mut(request)) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
