//! Networks by name: a network file `NAME.toml` in a folder for them, in which a package or an operator puts those that it knows. What
//! such a file sets stands below the config file and above the defaults, as in any network file.

use std::path::{Path, PathBuf};

use super::Error;

/// Where packages and administrators put them.
const SHARED: [&str; 2] = ["/etc/keeper/networks", "/usr/share/keeper/networks"];
/// Names that are told of one that is none.
const TOLD_MAX: usize = 16;

/// The name of a network, if a path is one: a single word, and no file of that name lies where it would be looked for.
pub(super) fn name(path: &Path, directory: &Path) -> Option<String> {
    let text = path.to_str()?;
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_word && !directory.join(path).exists()).then(|| text.to_owned())
}

/// The file that is meant; a path is one already.
///
/// # Errors
/// [`Error::NoPreset`].
pub(crate) fn resolve(named: PathBuf, config_file: &Path) -> Result<PathBuf, Error> {
    resolve_in(named, &folders(config_file))
}

fn folders(config_file: &Path) -> Vec<PathBuf> {
    let own = config_file.parent().unwrap_or(Path::new(".")).join("networks");
    [own].into_iter().chain(SHARED.map(PathBuf::from)).collect()
}

fn resolve_in(named: PathBuf, folders: &[PathBuf]) -> Result<PathBuf, Error> {
    let Some(name) = name(&named, Path::new("")) else { return Ok(named) };
    let file = format!("{name}.toml");
    let found = folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoPreset {
        name,
        known: known(folders),
        folders: folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
    })
}

/// The names that there are, in words.
fn known(folders: &[PathBuf]) -> String {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let name = |entry: std::fs::DirEntry| Some(entry.path().file_name()?.to_str()?.strip_suffix(".toml")?.to_owned());
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(TOLD_MAX);
    if names.is_empty() { "none is there".to_owned() } else { format!("there are {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_nearest_first_and_a_path_is_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for file in ["near/holesky.toml", "far/holesky.toml", "far/mainnet.toml"] {
            std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            std::fs::write(at(file), "").unwrap();
        }
        let folders = [at("near"), at("nowhere"), at("far")];
        let resolved = |named: &str| resolve_in(PathBuf::from(named), &folders);
        assert_eq!(resolved("holesky").unwrap(), at("near/holesky.toml"));
        assert_eq!(resolved("mainnet").unwrap(), at("far/mainnet.toml"));
        for path in ["holesky.toml", "./holesky", "/etc/holesky", ""] {
            assert_eq!(resolved(path).unwrap(), Path::new(path), "{path}");
        }
        let error = resolved("sepolia").unwrap_err().to_string();
        for part in ["sepolia", "there are holesky, mainnet", "near", "sepolia.toml", "--network"] {
            assert!(error.contains(part), "no {part:?} in {error}");
        }
        assert_eq!(name(Path::new("holesky"), &at("near")), Some("holesky".to_owned()));
        std::fs::write(at("near/holesky"), "").unwrap();
        assert_eq!(name(Path::new("holesky"), &at("near")), None, "a file of that name is meant");
    }
}
