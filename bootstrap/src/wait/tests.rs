use std::cell::Cell;
use std::time::Duration;

use super::until;

#[tokio::test]
async fn gives_the_value_once_it_is_there() {
    let looked = Cell::new(0);
    let value = until("three looks", Duration::from_secs(5), || {
        looked.set(looked.get() + 1);
        let seen = looked.get();
        async move { if seen == 3 { Ok(seen) } else { Err(format!("{seen} so far")) } }
    });
    assert_eq!(value.await.unwrap(), 3);
}

#[tokio::test]
async fn says_what_was_missing_when_it_gives_up() {
    let failed = until::<(), _, _>("a miracle", Duration::from_millis(120), || async { Err("none seen".to_owned()) });
    let message = failed.await.unwrap_err().to_string();
    assert!(message.contains("a miracle") && message.contains("none seen"), "{message}");
}

#[tokio::test]
async fn a_check_that_hangs_does_not_hang_the_wait() {
    let failed = until::<(), _, _>("an answer", Duration::from_millis(120), std::future::pending);
    assert!(failed.await.unwrap_err().to_string().contains("did not come back"));
}

#[tokio::test]
async fn what_was_missing_is_said_also_when_the_last_check_hangs() {
    let looked = Cell::new(0);
    let failed = until::<(), _, _>("a miracle", Duration::from_millis(200), || {
        looked.set(looked.get() + 1);
        let first = looked.get() == 1;
        async move { if first { Err("none seen".to_owned()) } else { std::future::pending().await } }
    });
    let message = failed.await.unwrap_err().to_string();
    assert!(message.contains("none seen") && message.contains("did not come back"), "{message}");
}
