//! The web as a job sees it: in `observe` only, and through its keeper.

use wasmtime::component::LinkerInstance;

use super::http::{HttpError, Request, Response};
use super::{CALL_FUEL, CHAIN_CALL_FUEL, Guest, Store, burn};
use crate::cell::stop::Stop;
use crate::{WebAnswer, WebRequest, WebResponse};

/// Fuel of a byte that goes out or comes in, part of the protocol like that of instructions.
const WEB_BYTE_FUEL: u64 = 50;

/// Defines `http`.
pub(super) fn add_to(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap("fetch", |mut store: Store<'_>, (what,): (Request,)| {
        if !store.data().looks {
            // As in any world without it.
            return Err(Stop::Guest("call of an import outside the job world").into());
        }
        let Request { method, url, headers, body } = what;
        let request = match (WebRequest { method, url, headers, body }).encode() {
            Ok(request) => request,
            Err(why) => {
                burn(&mut store, CALL_FUEL, 0, 0)?;
                return Ok((Err(HttpError::Denied(why.to_owned())),));
            }
        };
        burn(&mut store, CHAIN_CALL_FUEL, WEB_BYTE_FUEL, request.len())?;
        let answer = store.data_mut().calls.fetch(&request).map_err(|_| Stop::Unanswered)?;
        burn(&mut store, 0, WEB_BYTE_FUEL, answer.len())?;
        let nonsense = |_| Stop::Machine("the keeper answered a request with something else".to_owned());
        Ok((match WebAnswer::decode(&answer).map_err(nonsense)? {
            WebAnswer::Response(WebResponse { status, headers, body }) => Ok(Response { status, headers, body }),
            WebAnswer::Denied(why) => Err(HttpError::Denied(why)),
            WebAnswer::Timeout => Err(HttpError::Timeout),
            WebAnswer::TooLarge => Err(HttpError::TooLarge),
            WebAnswer::Failed(why) => Err(HttpError::Failed(why)),
        },))
    })
}
