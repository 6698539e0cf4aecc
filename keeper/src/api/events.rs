//! `GET /api/v1/events`: what happens, as server-sent events.
//!
//! | event | when | data |
//! |---|---|---|
//! | `pulse` | at once, whenever what is shown has changed, four times a second at most, and every two seconds at least | how the keeper stands: head, window, who leads, who is connected, checks that are red |
//! | `task` | something happened to a task | its `key`, `change` and what belongs to it |
//! | `partial` | a keeper has spoken in a batch | `keeper` (row), `tasks`, `abstains` |
//! | `certificate` | a quorum's certificate is at hand | `signers` (rows), `tasks`, `epoch` |
//!
//! All times are the chain's, in milliseconds since the Unix epoch. A reader that does not keep up is let go; whoever comes
//! back reads the documents anew.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::listener::Patience;
use super::{Sources, documents, refuse};
use crate::scene::{READERS_MAX, Reader};
use crate::view::View;

/// Pause between two pulses.
const PULSE_PAUSE: Duration = Duration::from_millis(250);
/// After so long there is one, whether anything has changed or not.
const PULSE_EVERY: Duration = Duration::from_secs(2);
/// How often an idle stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One page's stream.
struct Telling {
    reader: Reader,
    view: watch::Receiver<std::sync::Arc<View>>,
    /// When the next pulse may go out.
    rested: Instant,
}

/// Tells the news until the reader goes, or does not keep up.
pub(super) async fn events(
    State(sources): State<Sources>,
    patience: Option<axum::Extension<ConnectInfo<Patience>>>,
) -> Response {
    let Some(reader) = sources.scene.reader() else {
        let why = format!("{READERS_MAX} pages are open already: close one of them");
        return refuse(StatusCode::SERVICE_UNAVAILABLE, &why);
    };
    if let Some(axum::Extension(ConnectInfo(patience))) = patience {
        patience.lasts();
    }
    let mut view = sources.view.clone();
    view.mark_changed();
    let telling = Telling { reader, view, rested: Instant::now() };
    let told = stream::unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

impl Telling {
    async fn next(&mut self) -> Option<Event> {
        let Self { reader, view, rested } = self;
        let pulse = async {
            tokio::time::sleep_until(*rested).await;
            // With nothing new it is said again that nothing is: a stream that is quiet looks like one that was cut.
            if let Ok(changed) = tokio::time::timeout(PULSE_EVERY, view.changed()).await {
                changed.ok()?;
            }
            Some(documents::pulse(&view.borrow_and_update()))
        };
        tokio::select! {
            biased;
            pulse = pulse => {
                *rested = Instant::now() + PULSE_PAUSE;
                Some(Event::default().event("pulse").data(pulse?.to_string()))
            }
            news = reader.next() => {
                let news = news?;
                Some(Event::default().event(news.kind).data(&*news.data))
            }
        }
    }
}
