use std::time::{Duration, Instant};

use libp2p::PeerId;
use tokio::sync::{mpsc, watch};

use super::Handle;
use crate::error::{PublishError, RequestError};
use crate::metrics::{Overflow, Overflows};
use crate::outside::Outside;
use crate::requests::{Protocol, RequestLimits, Sizes};
use crate::topic::tests::{DOMAIN, three};
use crate::topic::{TopicId, Topics};

#[tokio::test]
async fn a_swarm_that_stands_still_holds_nobody_up() {
    let (commands, _stands_still) = mpsc::channel(2);
    let sizes = Sizes { request: 1, answer: 1 };
    let (_, outside) = watch::channel(Outside::Unknown);
    let (overflows, limits) = (Overflows::default(), RequestLimits { status: sizes, want: sizes, code: sizes });
    let handle = Handle::new(PeerId::random(), Topics::new(&three(), DOMAIN), limits, commands, overflows, outside);
    let began = Instant::now();
    for _ in 0..2 {
        // It has the message, and would get round to it.
        handle.publish(TopicId(0), vec![1]).await.expect("kept");
    }
    let error = handle.publish(TopicId(0), vec![1]).await.expect_err("no room");
    assert!(matches!(error, PublishError::Busy), "{error}");
    handle.fault(PeerId::random(), "test").await;
    let error = handle.request(PeerId::random(), Protocol::Status, vec![]).await.expect_err("no room");
    assert!(matches!(error, RequestError::Busy), "{error}");
    assert_eq!(handle.overflow(), Overflow { commands: 3, ..Overflow::default() });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
