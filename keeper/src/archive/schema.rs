//! The tables, by version, and whose file it is. A version is never changed: what another one needs is a migration more.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::Address;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::{Bounds, Error, Owner, PAGE_BYTES};

/// Says in the file's head that it is one of ours: "Keep".
const APPLICATION: i64 = 0x4b65_6570;
/// How long another program may hold the file before it counts as locked.
const PATIENCE: Duration = Duration::from_secs(1);
/// What SQLite does before its log grows, where nobody reads: bytes.
const LOG_KEPT: u64 = 4 * 1024 * 1024;

/// What makes each version of the one before it, from an empty file on.
pub(super) const MIGRATIONS: [&str; 2] = [
    // `id` counts up in the order in which tasks were first heard of, so that the oldest stand together and their pages come free
    // together. `changed` is the moment of the last change in microseconds of the chain's time, another one for every row.
    "CREATE TABLE keeper (domain BLOB NOT NULL, operator BLOB NOT NULL) STRICT;
     CREATE TABLE runs (
         id INTEGER PRIMARY KEY, job INTEGER NOT NULL, version INTEGER NOT NULL, instance BLOB NOT NULL,
         changed INTEGER NOT NULL UNIQUE,
         due INTEGER, attempts INTEGER NOT NULL, first_started INTEGER, last_started INTEGER, anchor INTEGER, leader BLOB,
         result TEXT NOT NULL, reason TEXT NOT NULL, signed INTEGER, certified INTEGER, sent INTEGER, gas INTEGER,
         block INTEGER, settled INTEGER, late INTEGER, settled_anchor INTEGER, tx BLOB, submitter BLOB, status INTEGER,
         delivered INTEGER, undelivered TEXT NOT NULL, reopened INTEGER NOT NULL, expired INTEGER,
         UNIQUE (job, version, instance)
     ) STRICT;
     CREATE INDEX runs_of_job ON runs (job, due);",
    // Why bringing it on chain failed, and what the keepers said of it.
    "ALTER TABLE runs ADD COLUMN refused TEXT NOT NULL DEFAULT '';
     ALTER TABLE runs ADD COLUMN voices TEXT NOT NULL DEFAULT '';",
];

/// What a file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing is in it yet.
    Empty,
    /// It is ours, in this version.
    Ours(i64),
    /// It is another program's.
    Foreign,
}

/// Opens the file for writing, makes it where it is missing, and brings it up to date.
pub(super) fn open(path: &Path, owner: Owner, bounds: Bounds) -> Result<Connection, Error> {
    make(path).map_err(|error| Error::io(path, &error))?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let of = |error: rusqlite::Error| Error::of(path, &error);
    let known = MIGRATIONS.len() as i64;
    match kind(&connection).map_err(of)? {
        Kind::Foreign => {
            return Err(Error::Broken { path: path.to_owned(), cause: "it is another program's".to_owned() });
        }
        Kind::Ours(found) if found > known => return Err(Error::Newer { path: path.to_owned(), found, known }),
        Kind::Empty | Kind::Ours(_) => {}
    }
    settle_in(&connection, bounds).map_err(of)?;
    migrate(&mut connection, &MIGRATIONS).map_err(of)?;
    match whose(&connection).map_err(of)? {
        Some(found) if found != owner => return Err(Error::OtherOwner { path: path.to_owned() }),
        Some(_) => {}
        None => {
            let values = (owner.domain.as_slice(), owner.operator.as_slice());
            let claimed = connection.execute("INSERT INTO keeper (domain, operator) VALUES (?1, ?2)", values);
            claimed.map_err(of)?;
        }
    }
    Ok(connection)
}

/// Opens the file for reading; gives the operator whose it is besides.
pub(super) fn open_to_read(path: &Path) -> Result<(Connection, Address), Error> {
    let missing = || Error::Missing { path: path.to_owned() };
    if matches!(path.try_exists(), Ok(false)) {
        return Err(missing());
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let of = |error: rusqlite::Error| Error::of(path, &error);
    let known = MIGRATIONS.len() as i64;
    match kind(&connection).map_err(of)? {
        // A keeper is just making it.
        Kind::Empty => return Err(missing()),
        Kind::Foreign => {
            return Err(Error::Broken { path: path.to_owned(), cause: "it is another program's".to_owned() });
        }
        Kind::Ours(found) if found > known => return Err(Error::Newer { path: path.to_owned(), found, known }),
        Kind::Ours(found) if found < known => return Err(Error::Older { path: path.to_owned(), found, known }),
        Kind::Ours(_) => {}
    }
    let owner = whose(&connection).map_err(of)?.ok_or_else(missing)?;
    Ok((connection, owner.operator))
}

/// The file that SQLite keeps beside it with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes an empty file that only its owner may read. What is left of the log of one that was there before would be taken for
/// its own.
fn make(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            for ending in ["-wal", "-shm"] {
                if let Err(error) = fs::remove_file(beside(path, ending))
                    && error.kind() != ErrorKind::NotFound
                {
                    return Err(error);
                }
            }
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    let of = |error: rusqlite::Error| Error::of(path, &error);
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(of)?;
    connection.busy_timeout(PATIENCE).map_err(of)?;
    // What a file says that somebody else has made is looked at, and not believed.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;").map_err(of)?;
    Ok(connection)
}

fn kind(connection: &Connection) -> rusqlite::Result<Kind> {
    let number = |pragma| connection.query_row(pragma, (), |row| row.get::<_, i64>(0));
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (application, version) {
        (APPLICATION, 1..) => Kind::Ours(version),
        (0, 0) if tables == 0 => Kind::Empty,
        _ => Kind::Foreign,
    })
}

/// How the file is written. Readers never wait for the writer, nor it for them; a crash of the machine may cost the newest
/// transactions, and never more.
fn settle_in(connection: &Connection, bounds: Bounds) -> rusqlite::Result<()> {
    let pages = bounds.pages;
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA journal_size_limit = {LOG_KEPT};
         PRAGMA max_page_count = {pages};
         PRAGMA temp_store = MEMORY;"
    ))
}

/// Brings a file to the newest of `migrations`, all or nothing.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or_default();
    for step in migrations.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    if version < migrations.len() {
        let newest = migrations.len();
        transaction
            .execute_batch(&format!("PRAGMA user_version = {newest}; PRAGMA application_id = {APPLICATION};"))?;
    }
    transaction.commit()
}

fn whose(connection: &Connection) -> rusqlite::Result<Option<Owner>> {
    let owner = |row: &rusqlite::Row<'_>| {
        let (domain, operator): ([u8; 32], [u8; 20]) = (row.get(0)?, row.get(1)?);
        Ok(Owner { domain: domain.into(), operator: operator.into() })
    };
    connection.query_row("SELECT domain, operator FROM keeper", (), owner).optional()
}
