//! What this keeper has turned away because there was too much: counted for good, and shown for a while.

use std::time::Duration;

use consensus::task::JobId;
use consensus::time::Time;

/// How long it is shown that something was turned away.
const SHOWN: Duration = Duration::from_secs(60);

/// What can be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Tasks that come due: there is no room for more, whatever their job.
    Tasks,
    /// Tasks of a job that has its share of the room: others have theirs.
    Crowded,
    /// Gossip messages that wait for this keeper, or for their verdict.
    Messages,
    /// Requests of peers: too many wait.
    Questions,
    /// What this keeper wants of its mesh, or the mesh has to tell it, when the other side is busy.
    Commands,
    /// Messages of this keeper: the queues to all peers are full.
    Publishes,
    /// Jobs that were listed when the book was full.
    Jobs,
    /// Runs of quick jobs that no worker was free for in time.
    Runs,
    /// What happened to tasks and is not in the record of it: its disk does not keep up.
    Records,
}

impl Load {
    /// All of them, in the order in which they are shown.
    const ALL: [Self; 9] = [
        Self::Tasks,
        Self::Crowded,
        Self::Messages,
        Self::Questions,
        Self::Commands,
        Self::Publishes,
        Self::Jobs,
        Self::Runs,
        Self::Records,
    ];

    /// The word for it in metrics and checks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Crowded => "crowded",
            Self::Messages => "messages",
            Self::Questions => "questions",
            Self::Commands => "commands",
            Self::Publishes => "publishes",
            Self::Jobs => "jobs",
            Self::Runs => "runs",
            Self::Records => "records",
        }
    }
}

/// What was turned away of each kind, and when last.
#[derive(Debug, Default)]
pub(super) struct Shed {
    loads: [(u64, Option<Time>); Load::ALL.len()],
    /// Whose tasks were turned away last, for want of room and as more than its share.
    job: Option<JobId>,
    crowding: Option<JobId>,
}

impl Shed {
    /// So many were turned away.
    pub(super) fn note(&mut self, load: Load, number: u64, now: Time) {
        let (count, last) = &mut self.loads[load as usize];
        *count += number;
        *last = Some(now);
    }

    /// So many tasks were turned away, all or the first of them of this job: [`Load::Crowded`] where others have room.
    pub(super) fn charge(&mut self, load: Load, job: JobId, number: u64, now: Time) {
        self.note(load, number, now);
        if load == Load::Crowded {
            self.crowding = Some(job);
        } else {
            self.job = Some(job);
        }
    }

    /// Which job has more tasks than its share, if one had lately: the others lose nothing by it.
    pub(super) fn crowd(&self, now: Time) -> Option<String> {
        let (count, last) = self.loads[Load::Crowded as usize];
        let JobId(job) = self.crowding.filter(|_| is_fresh(last, now))?;
        Some(format!(
            "{count} tasks turned away since the start, and it is not over: the newest of job {job}, which has more open than one job \
             may have. The other jobs have room: nothing is to be done unless that job is yours"
        ))
    }

    /// What is wrong and how to mend it, if anything was turned away lately.
    pub(super) fn trouble(&self, now: Time) -> Option<String> {
        // A job that found no room is missing until this keeper starts anew, however long ago that was.
        let fresh = |load: Load, last: Option<Time>| (load == Load::Jobs && last.is_some()) || is_fresh(last, now);
        let words = Load::ALL.into_iter().filter(|load| *load != Load::Crowded);
        let words = words.map(|load| (load, self.loads[load as usize]));
        let words = words.filter(|(load, (_, last))| fresh(*load, *last));
        let words = words.map(|(load, (count, _))| match self.job.filter(|_| load == Load::Tasks) {
            Some(JobId(job)) => format!("{count} tasks (the newest of job {job})"),
            None => format!("{count} {}", load.name()),
        });
        let words: Vec<String> = words.collect();
        (!words.is_empty()).then(|| {
            format!(
                "more than this keeper can take: {} turned away since the start, and it is not over; give it more processors, \
                 or look for a job or a peer that floods, or whoever lists jobs without end",
                words.join(" and ")
            )
        })
    }
}

/// Whether something that was turned away last at a moment is shown still.
fn is_fresh(last: Option<Time>, now: Time) -> bool {
    last.is_some_and(|last| last <= now && now < last.plus(SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_turned_away_is_shown_for_a_minute_and_counted_for_good() {
        let mut shed = Shed::default();
        assert_eq!(shed.trouble(Time(0)), None);
        shed.note(Load::Tasks, 1, Time(1_000));
        shed.note(Load::Tasks, 1, Time(2_000));
        shed.note(Load::Messages, 1, Time(50_000));
        assert!(shed.trouble(Time(60_000)).is_some_and(|words| words.contains("2 tasks and 1 messages")));
        assert!(
            shed.trouble(Time(62_000)).is_some_and(|words| !words.contains("tasks") && words.contains("1 messages"))
        );
        assert_eq!(shed.trouble(Time(110_000)), None);
        shed.note(Load::Jobs, 3, Time(110_000));
        assert!(shed.trouble(Time(9_000_000)).is_some_and(|words| words.contains("3 jobs")), "they stay away");
    }

    #[test]
    fn tasks_are_charged_to_their_job() {
        let mut shed = Shed::default();
        shed.charge(Load::Tasks, JobId(7), 2, Time(1_000));
        shed.charge(Load::Tasks, JobId(9), 1, Time(1_000));
        shed.note(Load::Messages, 4, Time(1_000));
        let words = shed.trouble(Time(2_000)).unwrap_or_default();
        assert!(words.contains("3 tasks (the newest of job 9) and 4 messages"), "{words}");
    }

    /// A stranger's job must not stop the other jobs' keeper from being ready.
    #[test]
    fn a_job_with_more_than_its_share_is_no_load_on_others() {
        let mut shed = Shed::default();
        shed.charge(Load::Crowded, JobId(7), 2, Time(1_000));
        assert_eq!(shed.trouble(Time(2_000)), None);
        let words = shed.crowd(Time(2_000)).unwrap_or_default();
        assert!(words.contains("2 tasks") && words.contains("job 7"), "{words}");
        assert_eq!(shed.crowd(Time(61_000)), None);
        shed.charge(Load::Tasks, JobId(9), 1, Time(61_000));
        assert_eq!(shed.crowd(Time(61_000)), None);
        assert!(shed.trouble(Time(61_000)).is_some_and(|words| words.contains("1 tasks (the newest of job 9)")));
    }
}
