//! Whether a component is one of the world `keeper:job/job`, as far as its own words go.

use anyhow::{Result, ensure};
use executor::INTERFACES;
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload, Validator};

/// The function that keepers call.
const EXPORT: &str = "run";

/// The imports of a component that are not in the world.
///
/// # Errors
/// It is no component, or exports no `run`.
pub(super) fn outside(component: &[u8]) -> Result<Vec<String>> {
    Validator::new().validate_all(component)?;
    ensure!(
        Parser::is_component(component),
        "it is a core module: in Rust, keeper_job::export! makes a component of it"
    );
    let (mut depth, mut outside, mut exports_run) = (0_u32, Vec::new(), false);
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
                    exports_run |= export.name.name == EXPORT && export.kind == ComponentExternalKind::Func;
                }
            }
            _ => {}
        }
    }
    ensure!(exports_run, "it exports no function `{EXPORT}`, which is what keepers call: see sdk/wit/job.wit");
    Ok(outside)
}
