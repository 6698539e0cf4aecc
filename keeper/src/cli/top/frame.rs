//! One picture of `keeper top`, as text. Pure: a size and what is shown go in, lines come out that fit.

use super::Shown;
use crate::cli::peers;
use crate::health::rules::Severity;
use crate::text::shown as safe;

/// Rows of the mesh, of jobs and of runs at most, as far as the screen is high enough.
const KEEPERS_MAX: usize = 16;
const JOBS_MAX: usize = 8;
const RUNS_MAX: usize = 10;
/// Lines around the tables: heads, empty lines, and the last one for what keys do.
const AROUND: usize = 16;

/// The picture, in lines of `width` at most and one less than `height` of them.
pub(super) fn draw(shown: &Shown, (width, height): (u16, u16)) -> String {
    let (width, height) = (usize::from(width.max(20)), usize::from(height.max(4)));
    let room = height.saturating_sub(AROUND).max(3);
    let mut lines = head(shown);
    lines.extend(checks(shown));
    lines.push(String::new());
    let keepers = KEEPERS_MAX.min(room / 2).max(1);
    let text = peers::describe(&shown.mesh);
    let rows: Vec<&str> = text.lines().collect();
    let (table, summary) = rows.split_at(rows.len().saturating_sub(1));
    lines.extend(table.iter().take(keepers + 1).map(|line| (*line).to_owned()));
    lines.extend(summary.iter().map(|line| (*line).to_owned()));
    lines.push(String::new());
    lines.extend(jobs(shown, JOBS_MAX.min(room / 4).max(1)));
    lines.push(String::new());
    lines.extend(runs(shown, RUNS_MAX.min(room / 4).max(1)));
    let cut = |line: &String| line.chars().take(width).collect::<String>() + "\n";
    lines.iter().take(height - 1).map(cut).collect()
}

fn head(shown: &Shown) -> Vec<String> {
    let view = &shown.view;
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { safe(text) };
    let ready = if view.ready { "ready" } else { "NOT READY" };
    let place = view.epoch.index.map_or("no row".to_owned(), |index| format!("row {index}"));
    vec![
        format!(
            "keeper {}  {ready}  chain {}  domain {}",
            or_dash(&view.operator),
            view.network.chain_id,
            safe(&view.network.domain)
        ),
        format!(
            "block {}  epoch {} of {} keepers, {place}  peers {}  open tasks {}  missed {}",
            view.head.number, view.epoch.number, view.epoch.size, view.peers, view.queue, view.missed.count
        ),
        format!("leader {}  next {}", or_dash(&view.leader), or_dash(&view.next_leader)),
        format!("wallet {}", safe(&crate::cli::status::wallet(view))),
    ]
}

/// The checks that are red, or one word on all.
fn checks(shown: &Shown) -> Vec<String> {
    let red: Vec<String> = shown
        .view
        .checks
        .iter()
        .filter(|(_, check)| !check.ok)
        .map(|(name, check)| {
            let word = if check.severity == Severity::Critical { "FAIL" } else { "WARN" };
            safe(&format!("{word} {name}: {}", check.message))
        })
        .collect();
    match red.is_empty() {
        true => vec![format!("all {} checks are fine", shown.view.checks.len())],
        false => red,
    }
}

fn jobs(shown: &Shown, most: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<6} {:<9} {:<12} {:<12} {}",
        "job", "status", "next due", "last", "trigger, and what is wrong"
    )];
    for job in shown.jobs.iter().take(most) {
        let next = job.next_due.map_or("-".to_owned(), |due| due.to_string());
        let wrong = if job.reason.is_empty() { String::new() } else { format!(" ({})", job.reason) };
        let line = format!("{:<6} {:<9} {next:<12} {:<12} {}{wrong}", job.id, job.status, job.last_result, job.trigger);
        lines.push(safe(&line));
    }
    more(&mut lines, shown.jobs.len(), most);
    lines
}

fn runs(shown: &Shown, most: usize) -> Vec<String> {
    let head = format!("{:<12} {:<6} {:<8} {:<10} {:<8} {}", "due", "job", "run", "state", "settled", "why");
    let mut lines = vec![head];
    for run in shown.runs.iter().take(most) {
        let settled = run.settled_ms.map_or("-".to_owned(), |ms| format!("+{}.{} s", ms / 1_000, ms % 1_000 / 100));
        let line =
            format!("{:<12} {:<6} {:<8} {:<10} {settled:<8} {}", run.due, run.job_id, run.run, run.state, run.reason);
        lines.push(safe(&line));
    }
    more(&mut lines, shown.runs.len(), most);
    lines
}

fn more(lines: &mut Vec<String>, all: usize, most: usize) {
    if all > most {
        lines.push(format!("... and {} more", all - most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::{KeeperView, MeshView, State};
    use crate::view::{JobView, RunView, View, WalletView};

    fn shown(many: usize) -> Shown {
        let mut view = View { operator: "0xme".to_owned(), peers: 3, queue: 2, ..View::default() };
        view.set_check("mesh", false, "no peers\n\u{1b}[2J");
        view.wallet = Some(WalletView { balance_wei: "1500000000000000000".to_owned(), ..WalletView::default() });
        let keeper =
            |number| KeeperView { operator: format!("0x{number:03}"), state: State::Fine, ..KeeperView::default() };
        Shown {
            view,
            mesh: MeshView { keepers: (0..many).map(keeper).collect(), ..MeshView::default() },
            jobs: (0..many as u64)
                .map(|id| JobView { id, trigger: "every 2s".to_owned(), ..JobView::default() })
                .collect(),
            runs: (0..many as u64)
                .map(|run| RunView { run, state: "settled".to_owned(), settled_ms: Some(2_340), ..RunView::default() })
                .collect(),
        }
    }

    #[test]
    fn a_frame_shows_all_of_it_and_forged_words_stay_on_their_line() {
        let text = draw(&shown(3), (110, 40));
        for words in ["NOT READY", "open tasks 2", "FAIL mesh: no peers\\n", "0x002", "every 2s", "+2.3 s", "1.5"] {
            assert!(text.contains(words), "no {words:?} in\n{text}");
        }
        assert!(!text.chars().any(|c| c != '\n' && crate::text::is_harmful(c)), "{text}");
    }

    #[test]
    fn a_frame_fits_whatever_the_screen_and_however_much_there_is() {
        for size in [(20, 4), (80, 24), (110, 40), (300, 100), (0, 0), (u16::MAX, u16::MAX)] {
            for many in [0, 1, 400] {
                let text = draw(&shown(many), size);
                let (width, height) = (usize::from(size.0.max(20)), usize::from(size.1.max(4)));
                assert!(text.lines().count() < height, "{size:?}");
                assert!(text.lines().all(|line| line.chars().count() <= width), "{size:?}\n{text}");
            }
        }
    }
}
