//! Notes for the job's author: `keeper job test` shows them, keepers keep them to themselves. Cut at 64 KiB in a run.

/// Says something to the job's author: `info!("balance {balance}")`.
#[macro_export]
macro_rules! info {
    ($($words:tt)*) => { $crate::bindings::keeper::job::log::write($crate::bindings::keeper::job::log::Level::Info, &format!($($words)*)) };
}

/// The same about what should not be.
#[macro_export]
macro_rules! warning {
    ($($words:tt)*) => { $crate::bindings::keeper::job::log::write($crate::bindings::keeper::job::log::Level::Warn, &format!($($words)*)) };
}
