//! Nodes as they are: JSON-RPC proxies in front of a good node, each with a script of what it does wrong.
//!
//! ```text
//!   keeper ──▶ Proxy (script, seed) ──▶ the node
//!                │
//!                ├── lag      it has not seen the newest blocks yet, and says so of everything it is asked
//!                ├── rules    the first that fits a call decides what becomes of it: a refusal in a provider's
//!                │            words, a body that is none, silence, or a transaction that never was
//!                └── delay    before anything of it is answered
//! ```
//!
//! One seed, one sequence of choices; what they fall on depends on the order in which calls arrive. A script can be
//! replaced while the proxy runs: by [`Proxy::set_script`], or from outside by `PUT /script`.
//!
//! | route | answer |
//! |---|---|
//! | `POST /` | JSON-RPC, single calls and batches |
//! | `GET /script`, `PUT /script` | the [`Script`] as JSON |
//! | `GET /counts` | how often each method was asked for, and each thing was done wrong |

mod answer;
mod dice;
mod lag;
mod refusal;
mod script;
mod server;

pub use refusal::{RangeWords, SendWords};
pub use script::{Does, Rule, Script};
pub use server::Proxy;
