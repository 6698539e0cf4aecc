//! `keeper top`: the keeper that runs, its mesh, its jobs and its newest runs on one screen, drawn anew every second.

mod frame;
mod screen;

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::asking::Asked;
use super::output::answer;
use super::{Exit, Global, WithExit};
use crate::heartbeat::MeshView;
use crate::view::{JobView, RunView, View};
use screen::Screen;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Flags of `keeper top`.
#[derive(Debug, Clone, Default, Args)]
pub struct TopArgs {
    /// Print one frame and end, as where stdout is no terminal
    #[arg(long)]
    pub once: bool,
    /// API to ask [default: the one the data directory's keeper runs]
    #[arg(long, env = "KEEPER_API_URL", hide_env_values = true, value_name = "URL")]
    pub api_url: Option<Url>,
}

/// What is shown.
#[derive(Debug, Default)]
struct Shown {
    view: View,
    mesh: MeshView,
    jobs: Vec<JobView>,
    runs: Vec<RunView>,
}

pub(super) async fn run(global: &Global, args: &TopArgs) -> Result<Exit> {
    let asked = Asked::at(global, args.api_url.as_ref()).exit(Exit::NotReady)?;
    let first = look(&asked).await.exit(Exit::NotReady)?;
    if args.once || global.json || !stdout().is_terminal() {
        let text = frame::draw(&first, screen::size());
        let document = json!({"status": first.view, "mesh": first.mesh, "jobs": first.jobs, "runs": first.runs});
        answer(global, document, &text);
        return Ok(Exit::Success);
    }
    let screen = Screen::take().context("the terminal cannot be drawn on: pass --once")?;
    follow(&asked, first, screen).await
}

async fn look(asked: &Asked) -> Result<Shown> {
    #[derive(Deserialize)]
    struct Jobs {
        jobs: Vec<JobView>,
    }
    #[derive(Deserialize)]
    struct Runs {
        runs: Vec<RunView>,
    }
    let view: View = asked.read("/v1/status").await?;
    if let Some(node) = &asked.node {
        super::status::ours(node, &view)?;
    }
    let (mesh, jobs, runs) = tokio::try_join!(
        asked.read::<MeshView>("/api/v1/mesh"),
        asked.read::<Jobs>("/v1/jobs"),
        asked.read::<Runs>("/v1/runs")
    )?;
    Ok(Shown { view, mesh, jobs: jobs.jobs, runs: runs.runs })
}

/// Draws until somebody presses q, or Ctrl-C.
async fn follow(asked: &Asked, mut shown: Shown, mut screen: Screen) -> Result<Exit> {
    let stop = crate::shutdown::on_signal().context("could not watch for signals")?;
    let mut trouble = String::new();
    loop {
        let size = screen::size();
        screen.paint(&frame::draw(&shown, size), &trouble, size).context("the terminal is gone")?;
        tokio::select! {
            () = stop.cancelled() => return Ok(Exit::Success),
            () = screen.left() => return Ok(Exit::Success),
            () = tokio::time::sleep(PAUSE) => {}
        }
        // A keeper that is started anew is waited for, with its last picture.
        match look(asked).await {
            Ok(new) => (shown, trouble) = (new, String::new()),
            Err(error) => trouble = crate::text::shown(&error.to_string()),
        }
    }
}
