//! What the command line asks of the record, with or without a keeper that writes it.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use consensus::task::{InstanceKey, JobId, Task};
use rusqlite::{Connection, OptionalExtension, Params};

use super::row::{self, COLUMNS};
use super::run::ABSTAIN;
use super::{Error, Run, schema};
use crate::jobs::action::TOO_DEAR;

/// The columns before those of a run.
const NAMED: &str = "job, version, instance, changed, strftime('%Y-%m-%dT%H:%M:%SZ', due, 'unixepoch')";

/// One run as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The task.
    pub task: Task,
    /// What is known of it.
    pub run: Run,
    /// The moment of its last change, in microseconds of the chain's time: another one for every run of a file.
    pub changed: u64,
    /// When it was due, as in RFC 3339; `None` where that is not known, or in no year with four digits.
    pub due: Option<String>,
}

/// A file that is open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    /// Whose runs these are.
    pub operator: Address,
}

impl Reader {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`Error`], all of it but what is about writing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (connection, operator) = schema::open_to_read(path)?;
        Ok(Self { connection, path: path.to_owned(), operator })
    }

    /// The runs of a job, the last due first, `most` at most; only those that were missed, if so wanted.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn newest(&self, job: JobId, most: u32, missed: bool) -> Result<Vec<Found>, Error> {
        let order = "job = ?1 ORDER BY due DESC, id DESC LIMIT ?2";
        if !missed {
            return self.find(order, (job.0.cast_signed(), most));
        }
        // As `Run::is_missed` has it.
        let order = format!(
            "expired IS NOT NULL AND block IS NULL AND NOT (result = ?3 AND instr(reason, ?4) = 1) AND {order}"
        );
        self.find(&order, (job.0.cast_signed(), most, ABSTAIN, TOO_DEAR))
    }

    /// What is known of one run, under every version of its job that it settled under.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn settled(&self, job: JobId, instance: &InstanceKey) -> Result<Vec<Found>, Error> {
        let key = instance.0.to_vec();
        self.find("job = ?1 AND instance = ?2 AND block IS NOT NULL ORDER BY version", (job.0.cast_signed(), key))
    }

    /// The runs of a job that have changed since, the last changed last, `most` at most.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn changed_since(&self, job: JobId, moment: u64, most: u32) -> Result<Vec<Found>, Error> {
        // By the moment, not by the job: it has few changes since, and may have any number of runs.
        let order = "changed > ?2 AND +job = ?1 ORDER BY changed LIMIT ?3";
        self.find(order, (job.0.cast_signed(), row::number(moment), most))
    }

    /// One run.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn one(&self, task: &Task) -> Result<Option<Found>, Error> {
        let named = (task.job.0.cast_signed(), task.version, task.instance.0.as_slice());
        let found = self.find("job = ?1 AND version = ?2 AND instance = ?3", named)?;
        Ok(found.into_iter().next())
    }

    /// The runs of a job that were due before a moment in Unix seconds, the last due first, `most` at most.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn due_before(&self, job: JobId, moment: u64, most: u32) -> Result<Vec<Found>, Error> {
        let order = "job = ?1 AND due < ?2 ORDER BY due DESC, id DESC LIMIT ?3";
        self.find(order, (job.0.cast_signed(), row::number(moment), most))
    }

    /// The runs of a task's job that come after it where the last due is the first, `most` at most; none where nothing is known of it.
    /// Any number of them may be due in one second.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn following(&self, task: &Task, most: u32) -> Result<Vec<Found>, Error> {
        let named = (task.job.0.cast_signed(), task.version, task.instance.0.as_slice());
        let query = "SELECT due, id FROM runs WHERE job = ?1 AND version = ?2 AND instance = ?3";
        let place =
            self.connection.query_row(query, named, |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?)));
        let Some((due, id)) = place.optional().map_err(|error| Error::of(&self.path, &error))? else {
            return Ok(Vec::new());
        };
        let job = task.job.0.cast_signed();
        let mut found = Vec::new();
        if let Some(due) = due {
            let order = "job = ?1 AND (due, id) < (?2, ?3) ORDER BY due DESC, id DESC LIMIT ?4";
            found = self.find(order, (job, due, id, most))?;
        }
        // Those of which nobody said when they were due come last.
        let left = most.saturating_sub(u32::try_from(found.len()).unwrap_or(most));
        if left > 0 {
            let below = if due.is_some() { i64::MAX } else { id };
            let order = "job = ?1 AND due IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3";
            found.extend(self.find(order, (job, below, left))?);
        }
        Ok(found)
    }

    /// The moment of the last change of any job's run; zero before the first.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn last_change(&self) -> Result<u64, Error> {
        let newest = self.connection.query_row("SELECT max(changed) FROM runs", (), |row| row.get::<_, Option<i64>>(0));
        Ok(newest.map_err(|error| Error::of(&self.path, &error))?.map_or(0, row::unsigned))
    }

    fn find(&self, order: &str, parameters: impl Params) -> Result<Vec<Found>, Error> {
        let find = || {
            let query = format!("SELECT {NAMED}, {COLUMNS} FROM runs WHERE {order}");
            let mut statement = self.connection.prepare(&query)?;
            let found = statement.query_map(parameters, |row| {
                let (task, run) = (row::task(row, 0)?, row::run(row, 5)?);
                Ok(Found { task, run, changed: row::unsigned(row.get(3)?), due: row.get(4)? })
            })?;
            found.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|error| Error::of(&self.path, &error))
    }
}
