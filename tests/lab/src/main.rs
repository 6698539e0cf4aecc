//! `lab-switch SEED NAME...`: makes a TAP of each name, and is the switch between them. It reads orders from its standard
//! input, a line each, repeats each once it is in force, and ends when nothing more can come. The first line it prints is
//! `ready`.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail};
use lab::{Event, Tap, run};

/// Frames that wait for the switch, of all ports.
const WAITING: usize = 4_096;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let seed = words.next().context("lab-switch SEED NAME...")?;
    let seed = seed.parse().with_context(|| format!("the seed {seed:?} is no number"))?;
    let mut ports = words.map(|name| Tap::new(&name)).collect::<Result<Vec<Tap>>>()?;
    if ports.len() < 2 {
        bail!("lab-switch SEED NAME...: there is nothing between fewer than two");
    }
    let (events, happened) = sync_channel(WAITING);
    for (from, port) in ports.iter().enumerate() {
        let (mut port, events) = (port.try_clone()?, events.clone());
        thread::Builder::new().name(format!("port {from}")).spawn(move || read(from, &mut port, &events))?;
    }
    thread::Builder::new().name("orders".to_owned()).spawn(move || take_orders(&events))?;
    let mut told = io::stdout();
    writeln!(told, "ready")?;
    told.flush()?;
    run(&mut ports, &happened, seed, &mut told)
}

fn read(from: usize, port: &mut Tap, events: &SyncSender<Event>) {
    // An interface that is down yet has nothing to read, and says so at once.
    loop {
        match port.frame() {
            Ok(bytes) => {
                if events.send(Event::Frame { from, bytes }).is_err() {
                    return;
                }
            }
            Err(_) => thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}

fn take_orders(events: &SyncSender<Event>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.parse() {
            Ok(order) => drop(events.send(Event::Order(order))),
            Err(error) => eprintln!("lab-switch: {error:#}"),
        }
    }
    let _ = events.send(Event::End);
}
