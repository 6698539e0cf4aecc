//! Whether a component is one of the world `keeper:job/job`, as far as its own words go.

use anyhow::{Result, bail, ensure};
use executor::INTERFACES;
use wit_component::{DecodedWasm, decode};

/// The function that keepers call.
const EXPORT: &str = "run";

/// The imports of a component that are not in the world.
///
/// # Errors
/// It is no component, or exports no `run`.
pub(super) fn outside(component: &[u8]) -> Result<Vec<String>> {
    let DecodedWasm::Component(resolve, world) = decode(component)? else {
        bail!("it is a WIT package, no component");
    };
    let world = &resolve.worlds[world];
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    ensure!(
        exports.iter().any(|name| name == EXPORT),
        "it exports no function `{EXPORT}`, which is what keepers call: see sdk/wit/job.wit"
    );
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    Ok(imports.filter(|name| !INTERFACES.contains(&name.as_str())).collect())
}
