//! Whether a component is of a world of jobs, as far as its own words go.

use anyhow::{Result, ensure};
use executor::{INTERFACES, OBSERVING_INTERFACES};
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload, Validator};

/// The functions that keepers call: one or the others.
const EXPORTS: [&str; 3] = ["run", "observe", "decide"];

/// The imports of a component that are not in the world.
///
/// # Errors
/// It is no component, or exports neither `run` nor `observe` and `decide`.
pub(super) fn outside(component: &[u8]) -> Result<Vec<String>> {
    Validator::new().validate_all(component)?;
    ensure!(
        Parser::is_component(component),
        "it is a core module: in Rust, keeper_job::export! makes a component of it"
    );
    let (mut depth, mut outside, mut exported) = (0_u32, Vec::new(), [false; 3]);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            // The last one is the component's own.
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import?;
                    // Types are names for what the interfaces have: nobody calls them.
                    let is_type = matches!(import.ty, ComponentTypeRef::Type(_));
                    if !is_type && !INTERFACES.contains(&import.name.name) {
                        outside.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export?;
                    let is_function = export.kind == ComponentExternalKind::Func;
                    let place = EXPORTS.iter().position(|name| is_function && *name == export.name.name);
                    place.iter().for_each(|&place| exported[place] = true);
                }
            }
            _ => {}
        }
    }
    let [run, observe, decide] = exported;
    ensure!(
        run || (observe && decide),
        "it exports no function `run`, which is what keepers call, and not both `observe` and `decide` either: see sdk/wit"
    );
    // What looks outside has these too; in a job that does not, a call of one ends the run.
    outside.retain(|name: &String| run || !OBSERVING_INTERFACES.contains(&name.as_str()));
    Ok(outside)
}
