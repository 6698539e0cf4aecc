//! Interchange files: honest ones, and everything a hostile or careless hand can do to one.

use serde_json::{Value, json};

use super::*;
use crate::journal::interchange::{
    Imported, InterchangeError, MAX_ANCHOR, MAX_INTERCHANGE_BYTES, Owner, export, import,
};

fn owner() -> Owner {
    let task_manager = alloy::primitives::Address::repeat_byte(4);
    Owner { key: [7; 96], domain: B256::repeat_byte(9), chain_id: 31_337, task_manager }
}

/// A data directory's journal, and files to import.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// With a journal of these records.
    fn with(records: &[Record], watermark: u64) -> Self {
        let desk = Self::new();
        let mut journal = Journal::open(&desk.journal(), owner().identity(), Missing::Create).unwrap();
        records.iter().for_each(|record| assert_eq!(journal.record(&[*record]).unwrap(), Answer::Recorded));
        journal.prune(watermark).unwrap();
        desk
    }

    fn journal(&self) -> PathBuf {
        self.directory.path().join("journal.bin")
    }

    fn open(&self) -> Journal {
        Journal::open(&self.journal(), owner().identity(), Missing::Refuse).unwrap()
    }

    fn export(&self) -> Value {
        serde_json::from_slice(&export(&self.open(), &owner(), Path::new("out.json")).unwrap()).unwrap()
    }

    fn import_bytes(&self, bytes: &[u8]) -> Result<Imported, InterchangeError> {
        let file = self.directory.path().join("in.json");
        std::fs::write(&file, bytes).unwrap();
        import(&self.journal(), &owner(), &file)
    }

    fn import(&self, document: &Value) -> Result<Imported, InterchangeError> {
        self.import_bytes(document.to_string().as_bytes())
    }

    /// Imports what must be refused, and checks that not a byte of the journal moved.
    #[track_caller]
    fn refuses(&self, bytes: &[u8]) -> InterchangeError {
        let before = std::fs::read(self.journal()).ok();
        let error = self.import_bytes(bytes).expect_err("it was imported");
        assert_eq!(std::fs::read(self.journal()).ok(), before, "{error}");
        assert!(error.to_string().contains("in.json"), "{error}");
        error
    }
}

fn three() -> [Record; 3] {
    [record(1, 50, 1), record(2, 60, 2), Record { input_hash: B256::repeat_byte(3), ..record(2, 60, 3) }]
}

#[test]
fn a_round_trip_keeps_everything_and_makes_a_journal_that_counts_as_intact() {
    let document = Desk::with(&three(), 40).export();
    assert_eq!(document["metadata"]["format"], "keeper-mesh-journal");
    assert_eq!(document["data"][0]["reports"].as_array().unwrap().len(), 3);
    let other = Desk::new();
    let imported = other.import(&document).unwrap();
    assert_eq!(imported, Imported { added: 3, reports: 3, watermark: 40, created: true });
    assert_eq!(other.export(), document);
    // `Missing::Refuse` opens it; what was signed stays signed, and below the watermark nothing is.
    let mut journal = other.open();
    for known in three() {
        assert_eq!(journal.record(&[known]).unwrap(), Answer::Recorded);
        refused(journal.record(&[Record { digest: B256::ZERO, ..known }]).unwrap());
    }
    refused(journal.record(&[record(9, 39, 9)]).unwrap());
    assert_eq!(journal.highest_anchor(), 60);
}

#[test]
fn an_import_is_a_union_and_never_lowers_anything() {
    for (mine, theirs) in [(45, 52), (52, 45), (0, 0)] {
        let document = Desk::with(&[record(2, 60, 2), record(3, 55, 3), record(4, 70, 4)], theirs).export();
        let desk = Desk::with(&[record(1, 56, 1), record(2, 60, 2)], mine);
        let imported = desk.import(&document).unwrap();
        assert_eq!(imported, Imported { added: 2, reports: 4, watermark: mine.max(theirs), created: false });
        assert_eq!(desk.open().highest_anchor(), 70);
        // Again, it changes nothing.
        assert_eq!(desk.import(&document).unwrap().added, 0);
    }
    // What lies below the higher watermark need not be remembered: it is refused anyway.
    let document = Desk::with(&[record(4, 70, 4)], 65).export();
    let desk = Desk::with(&three(), 0);
    assert_eq!(desk.import(&document).unwrap(), Imported { added: 1, reports: 1, watermark: 65, created: false });
    refused(desk.open().record(&[three()[0]]).unwrap());
}

#[test]
fn a_contradiction_changes_nothing() {
    let desk = Desk::with(&three(), 0);
    let other = Desk::with(&[record(1, 50, 9), record(8, 80, 8)], 70);
    let mut document = other.export();
    // Also when the watermark of either would have forgotten it.
    document["data"][0]["reports"] =
        Desk::with(&[record(1, 50, 9), record(8, 80, 8)], 0).export()["data"][0]["reports"].clone();
    let error = desk.refuses(document.to_string().as_bytes());
    assert!(matches!(&error, InterchangeError::Conflict { anchor_number: 50, .. }), "{error}");
    assert!(error.to_string().contains("nothing was imported"), "{error}");
    // A file that contradicts itself, in one key's history or in two.
    let mut document = desk.export();
    let mut second = document["data"][0].clone();
    second["reports"][0]["digest"] = json!(B256::ZERO);
    document["data"].as_array_mut().unwrap().push(second);
    let error = Desk::new().refuses(document.to_string().as_bytes());
    assert!(matches!(error, InterchangeError::Conflict { .. }), "{error}");
    // The same hash with another number is another block.
    let mut document = desk.export();
    document["data"][0]["reports"][0]["anchor_number"] = json!(51);
    assert!(matches!(desk.refuses(document.to_string().as_bytes()), InterchangeError::Conflict { .. }));
}

#[test]
fn repeated_and_unsorted_reports_are_as_good_as_sorted_ones() {
    let mut document = Desk::with(&three(), 0).export();
    let reports = document["data"][0]["reports"].as_array_mut().unwrap();
    reports.reverse();
    reports.extend(reports.clone());
    let twice = document["data"][0].clone();
    document["data"].as_array_mut().unwrap().push(twice);
    let desk = Desk::new();
    assert_eq!(desk.import(&document).unwrap().reports, 3);
    assert_eq!(desk.export(), Desk::with(&three(), 0).export());
}

#[test]
fn files_of_another_key_or_network_are_refused() {
    let desk = Desk::with(&three(), 0);
    let mut document = desk.export();
    document["data"][0]["key"] = json!(alloy::primitives::FixedBytes::<96>::repeat_byte(8));
    assert!(matches!(desk.refuses(document.to_string().as_bytes()), InterchangeError::OtherKey { .. }));
    let mut both = desk.export();
    both["data"].as_array_mut().unwrap().push(document["data"][0].clone());
    assert!(matches!(desk.refuses(both.to_string().as_bytes()), InterchangeError::OtherKey { .. }));
    let others = [
        ("chain_id", json!(1)),
        ("domain", json!(B256::ZERO)),
        ("task_manager", json!(alloy::primitives::Address::ZERO)),
    ];
    for (name, value) in others {
        let mut document = desk.export();
        document["metadata"][name] = value;
        let error = desk.refuses(document.to_string().as_bytes());
        assert!(matches!(&error, InterchangeError::OtherNetwork { field, .. } if *field == name), "{error}");
    }
}

#[test]
fn every_field_is_checked_at_its_limits_and_beyond() {
    let word = B256::ZERO.to_string();
    let bad_words = [
        json!(null),
        json!(7),
        json!(""),
        json!("0x"),
        json!(word[..64]),
        json!(format!("{word}00")),
        json!(word.replace("00", "0g")),
        json!(format!(" {word}")),
        json!(["0x00"]),
    ];
    let bad_numbers = [
        json!(MAX_ANCHOR + 1),
        json!(u64::MAX),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!("7"),
        json!(null),
        json!([7]),
    ];
    let words = ["task", "anchor_hash", "input_set", "digest"].map(|field| format!("/data/0/reports/0/{field}"));
    let words = words.into_iter().chain(["/data/0/key".to_owned(), "/metadata/domain".to_owned()]);
    let numbers = ["/data/0/watermark", "/data/0/reports/0/anchor_number", "/metadata/chain_id"];
    let desk = Desk::with(&three(), 0);
    let mut cases = 0;
    let wrong = |pointer: &str, values: &[Value]| {
        for value in values {
            let mut document = desk.export();
            *document.pointer_mut(pointer).unwrap() = value.clone();
            let error = desk.refuses(document.to_string().as_bytes());
            let named = matches!(error, InterchangeError::Malformed { .. } | InterchangeError::OtherNetwork { .. });
            assert!(named, "{pointer} = {value}: {error}");
        }
        values.len()
    };
    words.for_each(|pointer| cases += wrong(&pointer, &bad_words));
    numbers.into_iter().for_each(|pointer| cases += wrong(pointer, &bad_numbers));
    for pointer in ["/data", "/data/0", "/data/0/reports", "/data/0/reports/0", "/metadata"] {
        cases += wrong(pointer, &[json!(null), json!({"more": 1}), json!(1), json!("text")]);
    }
    cases += wrong("/data", &[json!([])]);
    cases += wrong("/metadata/format", &[json!("eip-3076"), json!(5), json!(null)]);
    cases += wrong("/metadata/version", &[json!(0), json!("1"), json!(-1), json!(u64::MAX)]);
    assert!(cases > 100, "{cases}");
    // At the limits it is taken, and the limits hold for what comes after.
    let mut document = desk.export();
    document["data"][0]["watermark"] = json!(MAX_ANCHOR);
    document["data"][0]["reports"] = json!([]);
    assert_eq!(desk.import(&document).unwrap().watermark, MAX_ANCHOR);
}

#[test]
fn unknown_and_missing_fields_and_newer_versions_are_refused_by_name() {
    let desk = Desk::with(&three(), 0);
    for pointer in ["", "/metadata", "/data/0", "/data/0/reports/0"] {
        let document = desk.export();
        let fields: Vec<String> = document.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        for field in fields {
            let mut document = desk.export();
            document.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(&field);
            let error = desk.refuses(document.to_string().as_bytes());
            assert!(error.to_string().contains(&format!("`{field}`")), "{pointer}/{field}: {error}");
        }
        let mut document = desk.export();
        document.pointer_mut(pointer).unwrap()["surplus"] = json!(1);
        let error = desk.refuses(document.to_string().as_bytes());
        assert!(error.to_string().contains("surplus"), "{pointer}: {error}");
    }
    let newer = json!({"metadata": {"format": "keeper-mesh-journal", "version": 2, "else": []}, "votes": 7});
    assert!(matches!(desk.refuses(newer.to_string().as_bytes()), InterchangeError::NewerVersion { found: 2, .. }));
}

#[test]
fn cut_off_at_any_byte_or_with_anything_behind_it_is_refused() {
    let desk = Desk::with(&three(), 40);
    let bytes = desk.export().to_string().into_bytes();
    for length in 0..bytes.len() {
        assert!(matches!(desk.refuses(&bytes[..length]), InterchangeError::Malformed { .. }), "{length} bytes");
    }
    for tail in [&b"x"[..], b"{}", b"\0", b"]"] {
        assert!(matches!(desk.refuses(&[&bytes, tail].concat()), InterchangeError::Malformed { .. }));
    }
    for hostile in ["[".repeat(100_000), "{\"data\":".repeat(10_000), "\u{feff}{}".to_owned(), "null".to_owned()] {
        assert!(matches!(desk.refuses(hostile.as_bytes()), InterchangeError::Malformed { .. }));
    }
    assert!(matches!(desk.refuses(&[0xff; 100]), InterchangeError::Malformed { .. }));
    let text = desk.export().to_string();
    let doubled = text.replacen("\"version\":1", "\"version\":1,\"version\":1", 1);
    assert_ne!(doubled, text);
    assert!(matches!(desk.refuses(doubled.as_bytes()), InterchangeError::Malformed { .. }));
}

#[test]
fn oversized_and_missing_files_are_named() {
    let desk = Desk::with(&three(), 0);
    let file = desk.directory.path().join("large.json");
    // A hole of zeros: it takes no room on the disk, and must not be read whole.
    std::fs::File::create(&file).unwrap().set_len(MAX_INTERCHANGE_BYTES + 1).unwrap();
    let error = import(&desk.journal(), &owner(), &file).unwrap_err();
    assert!(matches!(error, InterchangeError::TooLarge { .. }), "{error}");
    let error = import(&desk.journal(), &owner(), &desk.directory.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, InterchangeError::Read { .. }), "{error}");
}

#[test]
fn a_journal_in_use_or_damaged_is_left_alone() {
    let desk = Desk::with(&three(), 0);
    let document = desk.export();
    let running = desk.open();
    let error = desk.import(&document).unwrap_err();
    assert!(matches!(error, InterchangeError::Journal(Error::InUse { .. })), "{error}");
    drop(running);
    let mut bytes = std::fs::read(desk.journal()).unwrap();
    bytes[130] ^= 1;
    std::fs::write(desk.journal(), &bytes).unwrap();
    let error = desk.import(&document).unwrap_err();
    assert!(matches!(error, InterchangeError::Journal(Error::Corrupt { .. })), "{error}");
    assert_eq!(std::fs::read(desk.journal()).unwrap(), bytes);
}
