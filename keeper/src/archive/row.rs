//! A run as a row. Numbers of the file are signed: what does not fit is cut to the largest, but for those that name a task,
//! which come back as they were.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256};
use consensus::task::{InstanceKey, JobId, Task};
use consensus::time::Time;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::{Run, Settlement};

/// The columns of a run in the order of [`values`] and [`run`].
pub(super) const COLUMNS: &str = "due, attempts, first_started, last_started, anchor, leader, result, reason, signed, \
    certified, sent, gas, block, settled, late, settled_anchor, tx, submitter, status, delivered, undelivered, reopened, expired, refused, voices";

static LOAD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {COLUMNS} FROM runs WHERE job = ?1 AND version = ?2 AND instance = ?3"));
static STORE: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=4 + COLUMNS.split(',').count()).map(|place| format!("?{place}")).collect();
    let updates: Vec<String> =
        COLUMNS.split(", ").map(str::trim).map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO runs (job, version, instance, changed, {COLUMNS}) VALUES ({}) \
         ON CONFLICT (job, version, instance) DO UPDATE SET changed = excluded.changed, {}",
        places.join(", "),
        updates.join(", ")
    )
});

/// What is known of a task, if anything is.
pub(super) fn load(connection: &Connection, task: &Task) -> rusqlite::Result<Option<Run>> {
    let mut statement = connection.prepare_cached(&LOAD)?;
    statement.query_row(params_from_iter(key(task)), |row| run(row, 0)).optional()
}

/// Puts what is known of a task in the place of what was.
pub(super) fn store(connection: &Connection, task: &Task, changed: u64, run: &Run) -> rusqlite::Result<()> {
    let values = key(task).into_iter().chain([number(changed)]).chain(values(run));
    connection.prepare_cached(&STORE)?.execute(params_from_iter(values)).map(drop)
}

/// The task in three columns from `from` on: job, version, instance.
pub(super) fn task(row: &Row<'_>, from: usize) -> rusqlite::Result<Task> {
    let (job, version): (i64, u32) = (row.get(from)?, row.get(from + 1)?);
    let instance: [u8; 32] = row.get(from + 2)?;
    Ok(Task { job: JobId(job.cast_unsigned()), version, instance: InstanceKey(instance.into()) })
}

/// The run in the columns from `from` on.
pub(super) fn run(row: &Row<'_>, from: usize) -> rusqlite::Result<Run> {
    let count = |place: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(from + place)?.map(unsigned));
    let small = |place: usize| count(place).map(|number| u32::try_from(number.unwrap_or_default()).unwrap_or(u32::MAX));
    let moment = |place: usize| Ok::<_, rusqlite::Error>(count(place)?.map(Time));
    let address = |place: usize| {
        let bytes: Option<[u8; 20]> = row.get(from + place)?;
        Ok::<_, rusqlite::Error>(bytes.map(Address::from))
    };
    Ok(Run {
        due: count(0)?,
        attempts: small(1)?,
        first_started: moment(2)?,
        last_started: moment(3)?,
        anchor: count(4)?,
        leader: address(5)?,
        result: row.get(from + 6)?,
        reason: row.get(from + 7)?,
        signed: moment(8)?,
        certified: moment(9)?,
        sent: moment(10)?,
        gas: count(11)?,
        settled: settlement(row, from + 12)?,
        undelivered: row.get(from + 20)?,
        reopened: small(21)?,
        expired: moment(22)?,
        refused: row.get(from + 23)?,
        voices: row.get(from + 24)?,
    })
}

/// The eight columns from `from` on, if the task has settled.
fn settlement(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<Settlement>> {
    let Some(block) = row.get::<_, Option<i64>>(from)? else { return Ok(None) };
    let count = |place: usize| row.get::<_, i64>(from + place).map(unsigned);
    let (tx, submitter): ([u8; 32], [u8; 20]) = (row.get(from + 4)?, row.get(from + 5)?);
    Ok(Some(Settlement {
        block: unsigned(block),
        timestamp: count(1)?,
        seconds_late: count(2)?,
        anchor: count(3)?,
        tx: B256::from(tx),
        submitter: submitter.into(),
        status: row.get(from + 6)?,
        delivered: row.get(from + 7)?,
    }))
}

/// What names a task.
pub(super) fn key(task: &Task) -> [Value; 3] {
    let Task { job, version, instance } = task;
    [Value::Integer(job.0.cast_signed()), Value::Integer((*version).into()), Value::Blob(instance.0.to_vec())]
}

pub(super) fn values(run: &Run) -> impl Iterator<Item = Value> {
    let count = |count: Option<u64>| count.map_or(Value::Null, number);
    let moment = |time: Option<Time>| count(time.map(|time| time.0));
    let words = |words: &str| Value::Text(words.to_owned());
    let address = |address: Option<Address>| address.map_or(Value::Null, |address| Value::Blob(address.to_vec()));
    let settled = run.settled.as_ref();
    let of = |field: fn(&Settlement) -> u64| count(settled.map(field));
    [
        count(run.due),
        number(run.attempts.into()),
        moment(run.first_started),
        moment(run.last_started),
        count(run.anchor),
        address(run.leader),
        words(&run.result),
        words(&run.reason),
        moment(run.signed),
        moment(run.certified),
        moment(run.sent),
        count(run.gas),
        of(|settled| settled.block),
        of(|settled| settled.timestamp),
        of(|settled| settled.seconds_late),
        of(|settled| settled.anchor),
        settled.map_or(Value::Null, |settled| Value::Blob(settled.tx.to_vec())),
        address(settled.map(|settled| settled.submitter)),
        of(|settled| settled.status.into()),
        of(|settled| settled.delivered.into()),
        words(&run.undelivered),
        number(run.reopened.into()),
        moment(run.expired),
        words(&run.refused),
        words(&run.voices),
    ]
    .into_iter()
}

/// A count as the file holds it.
pub(super) fn number(count: u64) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count that the file holds; what cannot be one is none.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
