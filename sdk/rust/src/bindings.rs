//! The world `keeper:job/job` as `wit-bindgen` makes it of `wit/job.wit`.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

wit_bindgen::generate!({
    path: "wit",
    world: "job",
    pub_export_macro: true,
    export_macro_name: "export_world",
});

/// What the component exports for a job.
///
/// # Errors
/// The job's.
pub fn as_guest<J: crate::Job>(context: &Context) -> Result<Outcome, JobError> {
    J::run(context).map_err(Into::into)
}
