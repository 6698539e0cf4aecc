//! Files and disks that fail: the keeper goes on, says what is wrong, and records on when it is mended.

use rusqlite::Connection;

use super::*;
use crate::archive::writer::Writer;
use crate::archive::{ArchiveHandle, Error, schema};

/// A keeper's writer whose thread is the test.
struct Keeper {
    handle: ArchiveHandle,
    writer: Writer,
    entries: std::sync::mpsc::Receiver<Entry>,
}

impl Keeper {
    fn on(path: &Path, bounds: Bounds) -> Self {
        let (handle, writer, entries) = ArchiveHandle::make(path.to_owned(), OWNER, bounds, 1_024);
        Self { handle, writer, entries }
    }

    /// Notes that a run of job 1 is due, and writes; says what is wrong then.
    fn note(&mut self, run: u64) -> Option<String> {
        self.handle.note(due(task(1, run), run));
        self.writer.take(&self.entries);
        self.writer.write();
        self.handle.trouble()
    }

    fn assert_trouble(&mut self, run: u64, words: &[&str]) {
        let trouble = self.note(run).expect("in trouble");
        assert!(words.iter().all(|word| trouble.contains(word)), "{trouble}");
    }

    fn assert_well(&mut self, run: u64) {
        assert_eq!(self.note(run), None);
    }
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("broken")
}

#[test]
fn a_file_that_is_damaged_is_set_aside_and_another_begun() {
    // (what is damaged, from which byte, up to which, with what)
    let damages = [
        ("its head", 0, 100, 0xff),
        ("its tables", 120, 4_000, 0x5a),
        ("all of it but the head", 4_096, usize::MAX, 0xa5),
        ("all of it", 0, usize::MAX, b'x'),
    ];
    for (name, from, to, with) in damages {
        let (_directory, path) = place();
        open(&path).write(&(0..200).map(|run| due(task(1, run), run)).collect::<Vec<_>>()).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let to = to.min(bytes.len());
        bytes[from..to].fill(with);
        std::fs::write(&path, &bytes).unwrap();
        let mut keeper = Keeper::on(&path, Bounds::default());
        assert_eq!(keeper.note(300), None, "{name}");
        assert_eq!(runs_in(&path, 1), [300], "{name}");
        assert_eq!(std::fs::read(aside(&path)).unwrap().len(), bytes.len(), "{name}");
    }
}

#[test]
fn what_is_read_of_a_damaged_file_is_an_error_and_its_mend() {
    let (_directory, path) = place();
    open(&path).write(&[due(task(1, 1), 1)]).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE runs SET instance = x'00'").unwrap();
    let error = Reader::open(&path).unwrap().newest(JobId(1), 1, false).unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    assert!(error.to_string().contains("sets it aside"), "{error}");
}

#[test]
fn another_program_s_file_is_set_aside() {
    let (_directory, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    assert!(matches!(Reader::open(&path).unwrap_err(), Error::Broken { .. }));
    Keeper::on(&path, Bounds::default()).assert_well(1);
    assert_eq!(runs_in(&path, 1), [1]);
    let songs = Connection::open(aside(&path)).unwrap();
    assert!(songs.query_row("SELECT count(*) FROM songs", (), |row| row.get::<_, i64>(0)).is_ok());
}

#[test]
fn a_newer_file_is_left_as_it_is_until_it_is_moved_away() {
    let (_directory, path) = place();
    drop(open(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut keeper = Keeper::on(&path, Bounds::default());
    keeper.assert_trouble(1, &["runs.sqlite", "version 7", "version 2", "move the file away"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(Reader::open(&path).unwrap_err(), Error::Newer { found: 7, known: 2, .. }));
    std::fs::rename(&path, path.with_extension("newer")).unwrap();
    keeper.assert_well(2);
    assert_eq!(runs_in(&path, 1), [2, 1], "what came meanwhile is there");
}

#[test]
fn runs_of_another_network_or_operator_are_not_mixed_in() {
    for owner in [Owner { operator: Address::repeat_byte(1), ..OWNER }, Owner { domain: B256::repeat_byte(1), ..OWNER }]
    {
        let (_directory, path) = place();
        drop(Archive::open(&path, owner, Bounds::default()).unwrap());
        Keeper::on(&path, Bounds::default()).assert_trouble(1, &["another network or operator", "move it away"]);
        assert!(runs_in(&path, 1).is_empty());
    }
}

#[test]
fn older_files_are_brought_up_to_date_all_or_nothing() {
    let (_directory, path) = place();
    let mut connection = Connection::open(&path).unwrap();
    let version =
        |connection: &Connection| connection.query_row("PRAGMA user_version", (), |row| row.get::<_, i64>(0)).unwrap();
    let steps = [schema::MIGRATIONS[0], "ALTER TABLE runs ADD COLUMN colour TEXT", "CREATE TABLE nonsense"];
    schema::migrate(&mut connection, &steps[..1]).unwrap();
    assert!(schema::migrate(&mut connection, &steps).is_err());
    assert_eq!(version(&connection), 1, "nothing of it");
    assert!(connection.prepare("SELECT colour FROM runs").is_err());
    schema::migrate(&mut connection, &steps[..2]).unwrap();
    assert_eq!(version(&connection), 2);
    assert!(connection.prepare("SELECT colour FROM runs").is_ok());
    schema::migrate(&mut connection, &steps[..2]).unwrap();
}

#[test]
fn a_file_that_another_program_holds_is_written_when_it_lets_go() {
    let (_directory, path) = place();
    let mut keeper = Keeper::on(&path, Bounds::default());
    keeper.assert_well(1);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    keeper.assert_trouble(2, &["locked by another program"]);
    other.execute_batch("ROLLBACK").unwrap();
    keeper.assert_well(3);
    assert_eq!(runs_in(&path, 1), [3, 2, 1]);
}

#[test]
fn a_reader_that_never_lets_go_does_not_fill_the_disk() {
    let (_directory, path) = place();
    let mut keeper = Keeper::on(&path, Bounds { log_bytes: 256 * 1024, ..Bounds::default() });
    keeper.assert_well(0);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM runs;").unwrap();
    let (last, trouble) = (1..200).find_map(|run| Some((run, keeper.note(run)?))).expect("in trouble");
    assert!(trouble.contains("has not let go") && trouble.contains("runs.sqlite"), "{trouble}");
    let log = || std::fs::metadata(schema::beside(&path, "-wal")).unwrap().len();
    let full = log();
    assert!(full < 512 * 1024, "{full}");
    (last + 1..last + 10).for_each(|run| keeper.assert_trouble(run, &["has not let go"]));
    assert_eq!(log(), full);
    reader.execute_batch("ROLLBACK").unwrap();
    keeper.assert_well(last + 10);
    assert_eq!(runs_in(&path, 1).len() as u64, last + 11, "what came meanwhile is there");
}

/// SQLite says the same of a disk that is full and of a file that may not grow.
#[test]
fn a_full_disk_is_told_and_got_over() {
    let (_directory, path) = place();
    let mut keeper = Keeper::on(&path, Bounds { pages: 5, ..Bounds::default() });
    keeper.assert_trouble(1, &["full", "free space"]);
    keeper.assert_trouble(2, &["full", "free space"]);
    keeper.writer.bounds = Bounds::default();
    keeper.assert_well(3);
    assert_eq!(runs_in(&path, 1), [3, 2, 1]);

    let open = keeper.writer.open.as_ref().expect("it was written");
    open.connection().execute_batch("PRAGMA max_page_count = 1").unwrap();
    let why = "x".repeat(300);
    (10..500).for_each(|run| keeper.handle.note(entry(task(1, run), run, Change::Undelivered { why: why.clone() })));
    keeper.assert_trouble(500, &["full", "free space"]);
    assert_eq!(runs_in(&path, 1), [3, 2, 1], "all of it or nothing");
    keeper.assert_well(501);
    assert_eq!(runs_in(&path, 1).len(), 3 + 490 + 2);
}

#[test]
fn a_place_where_no_file_can_be_is_told_and_got_over() {
    let (_directory, path) = place();
    std::fs::create_dir(&path).unwrap();
    let mut keeper = Keeper::on(&path, Bounds::default());
    keeper.assert_trouble(1, &["runs.sqlite", "mend it"]);
    std::fs::remove_dir(&path).unwrap();
    keeper.assert_well(2);
    assert_eq!(runs_in(&path, 1), [2, 1]);

    let missing = path.join("nowhere").join("runs.sqlite");
    Keeper::on(&missing, Bounds::default()).assert_trouble(1, &["nowhere", "mend it"]);
}

#[test]
fn a_file_that_somebody_deleted_is_begun_anew() {
    let (_directory, path) = place();
    let mut keeper = Keeper::on(&path, Bounds::default());
    keeper.assert_well(1);
    std::fs::remove_file(&path).unwrap();
    keeper.assert_well(2);
    assert_eq!(runs_in(&path, 1), [2]);
    // What is left of the log of a file that is gone belongs to nobody.
    drop(keeper);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(schema::beside(&path, "-wal"), vec![0x37; 50_000]).unwrap();
    Keeper::on(&path, Bounds::default()).assert_well(3);
    assert_eq!(runs_in(&path, 1), [3]);
}

#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = place();
    let mut archive = open(&path);
    archive.write(&[due(task(1, 1), 1)]).unwrap();
    for ending in ["", "-wal", "-shm"] {
        let file = schema::beside(&path, ending);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn while_nothing_can_be_written_the_rest_is_left_out_and_counted() {
    let (_directory, path) = place();
    std::fs::create_dir(&path).unwrap();
    let mut keeper = Keeper::on(&path, Bounds::default());
    (0..5_000).for_each(|run| drop(keeper.note(run)));
    assert_eq!(keeper.handle.lost(), 5_000 - 4_096);
    std::fs::remove_dir(&path).unwrap();
    keeper.assert_well(5_000);
}
