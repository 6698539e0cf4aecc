use std::collections::BTreeSet;

use super::*;

/// The files of a folder of the repository, but for what tools leave there and what is a link to files from elsewhere.
fn there(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder.join(below)).unwrap().map(Result::unwrap) {
        let name = Path::new(below).join(entry.file_name()).to_str().unwrap().to_owned();
        let kind = entry.file_type().unwrap();
        let is_left =
            ["target", "node_modules", "Cargo.lock", "package-lock.json", "tests", "test.sh"].contains(&name.as_str());
        if kind.is_dir() && !is_left {
            there(folder, &name, found);
        } else if kind.is_file() && !is_left {
            found.insert(name);
        }
    }
}

#[test]
fn all_files_of_templates_and_sdks_are_carried() {
    let carried = [
        ("templates/top-up", TOP_UP),
        ("templates/health-check", HEALTH_CHECK),
        ("templates/log-reaction", LOG_REACTION),
        ("templates/price-median", PRICE_MEDIAN),
        ("templates/payment", PAYMENT),
        ("templates/upkeep", UPKEEP),
        ("wit", WIT),
        ("../sdk/rust", RUST_SDK),
        ("../sdk/typescript", TYPESCRIPT_SDK),
    ];
    for (folder, files) in carried {
        let mut found = BTreeSet::new();
        there(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), "", &mut found);
        let carried: BTreeSet<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(found, carried, "{folder}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let global = Global::default();
    for template in Template::value_variants() {
        let folder = home.path().join(template.to_possible_value().unwrap().get_name());
        let args = NewArgs { folder: folder.clone(), template: *template };
        assert_eq!(new(&global, &args).unwrap(), Exit::Success);
        assert!(folder.join("job.toml").is_file() && folder.join("README.md").is_file());
        fs::write(folder.join("job.toml"), "mine").unwrap();
        let error = new(&global, &args).unwrap_err();
        assert_eq!((Exit::of(&error), error.to_string().contains("nothing is overwritten")), (Exit::Usage, true));
        assert_eq!(fs::read_to_string(folder.join("job.toml")).unwrap(), "mine");
    }
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let args = NewArgs { folder: empty, template: Template::Payment };
    assert_eq!(new(&global, &args).unwrap(), Exit::Success, "an empty folder may be filled");
}
