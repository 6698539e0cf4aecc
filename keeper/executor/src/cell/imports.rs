//! Imports outside the worlds. Ordinary toolchains declare WASI imports that a job never calls, so they are accepted; a
//! call of one traps, with the same text on every keeper.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};

use super::guest::{Guest, INTERFACES, OBSERVING_INTERFACES};
use super::stop::Stop;

/// Most imports a component may declare.
const MAX_IMPORTS: usize = 512;

/// Defines every import of `component` that the worlds do not define.
pub(super) fn trap_others(engine: &Engine, component: &Component, linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let kind = component.component_type();
    let mut count = 0;
    for (name, import) in kind.imports(engine) {
        if INTERFACES.contains(&name) || OBSERVING_INTERFACES.contains(&name) {
            continue;
        }
        match import.ty {
            ComponentItem::ComponentInstance(instance) => {
                let mut inner = linker.instance(name)?;
                for (item_name, item) in instance.exports(engine) {
                    define(&mut inner, item_name, &item.ty, &mut count)?;
                }
            }
            item => define(&mut linker.root(), name, &item, &mut count)?,
        }
    }
    Ok(())
}

fn define(
    linker: &mut LinkerInstance<'_, Guest>,
    name: &str,
    item: &ComponentItem,
    count: &mut usize,
) -> wasmtime::Result<()> {
    *count += 1;
    if *count > MAX_IMPORTS {
        wasmtime::bail!("the component has more than {MAX_IMPORTS} imports outside the world keeper:job/job");
    }
    match item {
        ComponentItem::ComponentFunc(_) => {
            linker.func_new(name, |_, _, _, _| Err(Stop::Guest("call of an import outside the job world").into()))
        }
        ComponentItem::Resource(_) => linker.resource(name, ResourceType::host::<()>(), |_, _| Ok(())),
        ComponentItem::Type(_) => Ok(()),
        _ => wasmtime::bail!("the component imports `{name}`, which is neither a function nor a type"),
    }
}
