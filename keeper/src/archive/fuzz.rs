//! Rows of the record on disk, for fuzz targets (`tests/fuzz`): SQLite keeps any value in any column.

use std::cell::RefCell;

use alloy::primitives::{Address, B256};
use consensus::task::{InstanceKey, JobId, Task};
use consensus::time::Time;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{Run, Settlement, row as rows};

thread_local! {
    static MEMORY: RefCell<Connection> = RefCell::new(Connection::open_in_memory().expect("SQLite has memory"));
}

/// Columns of a task, and of its run.
const TASK: usize = 3;

fn columns() -> usize {
    TASK + rows::COLUMNS.split(',').count()
}

/// Reads a row of these values.
fn read(values: Vec<Value>) -> Option<(Task, Run)> {
    let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    MEMORY.with_borrow(|memory| {
        let mut statement = memory.prepare_cached(&format!("SELECT {}", places.join(", "))).expect("a row of values");
        let row = statement.query_row(params_from_iter(values), |row| Ok((rows::task(row, 0)?, rows::run(row, TASK)?)));
        row.ok()
    })
}

/// A row: of each value its kind (a byte), its length (a byte), and its bytes.
pub fn row(bytes: &[u8]) {
    let mut rest = bytes;
    let mut values = Vec::new();
    while let Some(([kind, length], after)) = rest.split_first_chunk::<2>()
        && values.len() < columns()
    {
        let (body, after) = after.split_at(after.len().min((*length).into()));
        rest = after;
        let number = body.iter().fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
        values.push(match kind % 5 {
            0 => Value::Null,
            1 => Value::Integer(number),
            2 => Value::Real(f64::from_bits(number.cast_unsigned())),
            3 => Value::Text(String::from_utf8_lossy(body).into_owned()),
            _ => Value::Blob(body.to_vec()),
        });
    }
    values.resize(columns(), Value::Null);
    if let Some((task, run)) = read(values) {
        let again = rows::key(&task).into_iter().chain(rows::values(&run)).collect();
        assert_eq!(read(again), Some((task, run)), "it reads what it writes");
    }
}

/// A run that has just been told, and one that has settled.
#[must_use]
pub fn row_seeds() -> Vec<Vec<u8>> {
    let task = Task { job: JobId(7), version: 2, instance: InstanceKey::from_run(5) };
    let settled = Settlement {
        block: 53,
        timestamp: 1_000,
        seconds_late: 2,
        anchor: 50,
        tx: B256::repeat_byte(8),
        submitter: Address::repeat_byte(1),
        status: 0,
        delivered: true,
    };
    let full = Run {
        due: Some(998),
        attempts: 1,
        first_started: Some(Time(998_000)),
        leader: Some(Address::repeat_byte(2)),
        result: "call".to_owned(),
        settled: Some(settled),
        voices: "1 2 3".to_owned(),
        ..Run::default()
    };
    let written = |value: Value| match value {
        Value::Null => vec![0, 0],
        Value::Integer(number) => [&[1, 8][..], &number.to_be_bytes()].concat(),
        Value::Real(number) => [&[2, 8][..], &number.to_bits().to_be_bytes()].concat(),
        Value::Text(text) => [&[3, short(text.len())][..], text.as_bytes()].concat(),
        Value::Blob(bytes) => [&[4, short(bytes.len())][..], &bytes].concat(),
    };
    [Run::default(), full]
        .iter()
        .map(|run| rows::key(&task).into_iter().chain(rows::values(run)).flat_map(written).collect())
        .collect()
}

fn short(length: usize) -> u8 {
    u8::try_from(length).expect("a short value")
}
