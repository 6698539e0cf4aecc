use super::*;

#[test]
fn a_handle_is_given_back_once_and_the_oldest_is_let_go() {
    let mut open = Open::default();
    let first = open.keep("first");
    let second = open.keep("second");
    assert_eq!(open.take(second), Some("second"));
    assert_eq!(open.take(second), None);
    for _ in 0..OPEN_MAX {
        open.keep("more");
    }
    assert_eq!(open.take(first), None);
    assert_eq!(open.handles.len(), OPEN_MAX);
}

#[tokio::test]
async fn neither_answers_nor_gossip_keep_the_other_waiting() {
    let (to_mesh, mut mesh) = mpsc::channel(256);
    let (to_answers, mut answers) = mpsc::channel(256);
    for _ in 0..256 {
        to_mesh.try_send(p2p::Event::PeerConnected(p2p::peer_id_from_public_key(&[1; 32]))).unwrap();
        to_answers.try_send(Event::Tick).unwrap();
    }
    let mut unasked = 0;
    for _ in 0..256 {
        unasked += usize::from(matches!(said_by_peers(&mut mesh, &mut answers).await, Some(Said::Unasked(_))));
    }
    assert!((64..192).contains(&unasked), "{unasked} of 256");
}
