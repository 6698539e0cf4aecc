use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use libp2p::futures::AsyncRead;
use libp2p::futures::io::Cursor;

use super::stream::{IDLE, SILENCE, read, write};
use super::*;
use crate::requests::is_too_long;

fn behaviour(admission: Admission) -> Behaviour {
    let domain8 = "0123456789abcdef".to_owned();
    Behaviour::new(&Config { domain8, admission, straight: 16, ..Config::default() })
}

fn link(behaviour: &mut Behaviour, peer: PeerId, id: usize) {
    behaviour.links.entry(peer).or_default().push(ConnectionId::new_unchecked(id));
}

fn next(behaviour: &mut Behaviour) -> Option<ToSwarm<Event, Command>> {
    behaviour.moving.pop_front()
}

fn sent(behaviour: &mut Behaviour, peer: PeerId, data: Vec<u8>) -> Option<RequestError> {
    let (written, mut answer) = oneshot::channel();
    behaviour.send(peer, data, written);
    answer.try_recv().ok().and_then(Result::err)
}

#[test]
fn what_cannot_be_sent_is_said_at_once() {
    let (mut behaviour, peer) = (behaviour(Admission::Everybody), PeerId::random());
    assert!(matches!(sent(&mut behaviour, peer, vec![1]), Some(RequestError::NotConnected(_))));
    link(&mut behaviour, peer, 1);
    assert!(matches!(sent(&mut behaviour, peer, vec![0; 17]), Some(RequestError::TooLarge { size: 17, most: 16 })));
    for _ in 0..MOST_MOVING {
        assert!(sent(&mut behaviour, peer, vec![0; 16]).is_none());
    }
    assert!(matches!(sent(&mut behaviour, peer, vec![1]), Some(RequestError::Busy)));
    assert_eq!(behaviour.moving.len(), MOST_MOVING);
}

#[test]
fn a_peer_is_read_over_one_connection_the_last_that_it_opened_a_stream_on() {
    let (mut behaviour, peer) = (behaviour(Admission::Everybody), PeerId::random());
    let [one, two] = [1, 2].map(ConnectionId::new_unchecked);
    behaviour.on_connection_handler_event(peer, one, Came::Opened);
    assert!(matches!(next(&mut behaviour), Some(ToSwarm::GenerateEvent(Event::Opened(_)))));
    behaviour.on_connection_handler_event(peer, two, Came::Opened);
    let dropped = next(&mut behaviour);
    assert!(
        matches!(dropped, Some(ToSwarm::NotifyHandler { handler: NotifyHandler::One(id), event: Command::Drop, .. }) if id == one)
    );
    assert!(matches!(next(&mut behaviour), Some(ToSwarm::GenerateEvent(Event::Opened(_)))));
    behaviour.on_connection_handler_event(peer, one, Came::Message(vec![1]));
    behaviour.on_connection_handler_event(peer, one, Came::TooLong);
    assert!(next(&mut behaviour).is_none(), "it comes too late");
    behaviour.on_connection_handler_event(peer, two, Came::Message(vec![2]));
    assert!(matches!(next(&mut behaviour), Some(ToSwarm::GenerateEvent(Event::Came(_, data))) if data == [2]));
}

#[test]
fn whoever_is_on_the_list_is_read_and_nobody_else() {
    let (mut behaviour, peer) = (behaviour(Admission::Registered), PeerId::random());
    link(&mut behaviour, peer, 1);
    behaviour.admit(&[PeerId::random()].into());
    let said = next(&mut behaviour);
    assert!(matches!(said, Some(ToSwarm::NotifyHandler { event: Command::Welcome(false), .. })));
    behaviour.admit(&[peer].into());
    let said = next(&mut behaviour);
    assert!(matches!(said, Some(ToSwarm::NotifyHandler { event: Command::Welcome(true), .. })));
    let mut open = self::behaviour(Admission::Everybody);
    link(&mut open, peer, 1);
    open.admit(&BTreeSet::new());
    assert!(next(&mut open).is_none(), "there is no list");
}

#[tokio::test]
async fn frames_read_back_and_none_is_longer_than_it_may_be() {
    let written = write(Cursor::new(Vec::new()), Arc::from([1, 2, 3]), 16).await.expect("it fits");
    let written = write(written, Arc::from([]), 16).await.expect("it fits");
    assert_eq!(written.get_ref()[..], [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0]);
    let (stream, first) = read(Cursor::new(written.into_inner()), 16, SILENCE).await.expect("a frame");
    let (stream, second) = read(stream, 16, SILENCE).await.expect("another one");
    assert_eq!((first, second), (vec![1, 2, 3], vec![]));
    assert_eq!(read(stream, 16, SILENCE).await.expect_err("the end").kind(), io::ErrorKind::UnexpectedEof);
    let error = read(Cursor::new(vec![0, 0, 0, 17, 1]), 16, SILENCE).await.expect_err("too long");
    assert!(is_too_long(&error), "{error}");
    assert!(write(Cursor::new(Vec::new()), Arc::from([0; 17]), 16).await.is_err());
}

/// Sends half a frame and then nothing, for ever.
struct Silent(Cursor<Vec<u8>>);

impl AsyncRead for Silent {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let inner = Pin::new(&mut self.get_mut().0);
        match inner.poll_read(context, buffer) {
            Poll::Ready(Ok(0)) => Poll::Pending,
            other => other,
        }
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_given_up() {
    let patience = Duration::from_millis(30);
    let (began, half) = (Instant::now(), Silent(Cursor::new(vec![0, 0, 0, 9, 1, 2])));
    let reading = read(half, 16, patience).await;
    assert_eq!(reading.err().map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
    assert!(began.elapsed() >= patience && IDLE < SILENCE, "whoever has opened it closes it first");
}
