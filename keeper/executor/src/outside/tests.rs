use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

/// A web of a few pages, which remembers what it was asked.
#[derive(Debug, Default)]
struct Pages {
    pages: BTreeMap<String, WebResponse>,
    asked: Mutex<Vec<WebRequest>>,
}

impl Pages {
    fn of<const N: usize>(pages: [(&str, u16, &str, &[u8]); N]) -> Arc<Self> {
        let page = |(url, status, location, body): (&str, u16, &str, &[u8])| {
            let headers = vec![("location".to_owned(), location.to_owned())];
            (url.to_owned(), WebResponse { status, headers, body: body.to_vec() })
        };
        Arc::new(Self { pages: pages.map(page).into(), asked: Mutex::default() })
    }
}

impl Web for Pages {
    fn fetch<'a>(&'a self, _: u64, request: &'a WebRequest) -> Fetching<'a> {
        self.asked.lock().unwrap().push(request.clone());
        let page = self.pages.get(&request.url).cloned();
        Box::pin(async move {
            match page {
                Some(page) => WebAnswer::Response(page),
                None => std::future::pending().await,
            }
        })
    }

    fn allows_private(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct OneSecret;

impl Secrets for OneSecret {
    fn secret(&self, name: &str, host: &str, job: u64) -> Option<String> {
        (name == "KEY" && host == "a.example" && job == 7).then(|| "hunter2".to_owned())
    }
}

fn list(hosts: &[&str]) -> AllowList {
    AllowList::new(hosts.iter().map(|&host| host.to_owned()).collect()).unwrap()
}

fn outside(web: &Arc<Pages>) -> Outside {
    Outside::new(7, Arc::clone(web) as Arc<_>, list(&["a.example", "b.example"]), Arc::new(OneSecret))
}

fn get(url: &str) -> WebRequest {
    WebRequest { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
}

async fn fetched(outside: &mut Outside, request: &WebRequest) -> WebAnswer {
    fetched_within(Duration::from_secs(60), outside, request).await
}

async fn fetched_within(patience: Duration, outside: &mut Outside, request: &WebRequest) -> WebAnswer {
    let deadline = Instant::now() + patience;
    WebAnswer::decode(&outside.fetch(&request.encode().unwrap(), deadline).await).unwrap()
}

/// Not one of these is ever sent: neither by its spelling, nor by its host.
#[tokio::test]
async fn what_is_not_on_the_list_is_not_asked() {
    let web = Pages::of([]);
    let mut refused = 0;
    for url in [
        "http://a.example/",
        "https://a.example:8443/",
        "https://A.example.evil.example/",
        "https://c.example/",
        "https://user@a.example/",
        "https://a.example@c.example/",
        "ftp://a.example/",
        "https://a.example./",
        "//a.example/",
        "https://",
        "file:///etc/passwd",
        "data:text/plain,x",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://localhost/",
        "https://a.example%00.c.example/",
        "javascript:alert(1)",
    ] {
        let answer = fetched(&mut outside(&web), &get(url)).await;
        assert!(matches!(answer, WebAnswer::Denied(_)), "{url}: {answer:?}");
        refused += 1;
    }
    assert_eq!((refused, web.asked.lock().unwrap().len()), (22, 0));
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_list_and_nowhere_else() {
    let web = Pages::of([
        ("https://a.example/", 302, "https://b.example/there", b""),
        ("https://b.example/there", 200, "", b"found"),
        ("https://a.example/out", 307, "https://169.254.169.254/latest", b""),
        ("https://a.example/round", 301, "/round", b""),
    ]);
    let found = fetched(&mut outside(&web), &get("https://a.example/")).await;
    assert!(
        matches!(found, WebAnswer::Response(WebResponse { status: 200, ref body, .. }) if body == b"found"),
        "{found:?}"
    );
    let out = fetched(&mut outside(&web), &get("https://a.example/out")).await;
    assert!(matches!(out, WebAnswer::Denied(_)), "{out:?}");
    let round = fetched(&mut outside(&web), &get("https://a.example/round")).await;
    assert!(matches!(round, WebAnswer::Failed(ref why) if why.contains("more than 3")), "{round:?}");
    // What was posted is not posted again somewhere else.
    let post = WebRequest { method: "POST".to_owned(), body: b"x".to_vec(), ..get("https://a.example/") };
    let answer = fetched(&mut outside(&web), &post).await;
    assert!(matches!(answer, WebAnswer::Response(WebResponse { status: 302, .. })), "{answer:?}");
}

#[tokio::test]
async fn so_many_requests_and_no_more_and_none_without_end() {
    let web = Pages::of([]);
    let mut outside = outside(&web);
    for _ in 0..MAX_FETCHES {
        let answer = fetched_within(Duration::from_millis(1), &mut outside, &get("https://a.example/slow")).await;
        assert_eq!(answer, WebAnswer::Timeout);
    }
    assert!(outside.waited() > Duration::ZERO, "a run is charged for it");
    assert!(matches!(fetched(&mut outside, &get("https://a.example/slow")).await, WebAnswer::Denied(_)));
    let now = Instant::now();
    assert!(outside.fetch(b"nonsense", now).await.len() > 1);
}

/// A secret reaches its own host, and neither another host, another job, nor the job itself.
#[tokio::test]
async fn a_secret_goes_to_its_host_and_comes_back_as_its_mark() {
    let web = Pages::of([
        ("https://a.example/", 200, "x-hunter2", b"you said Bearer hunter2!"),
        ("https://a.example/away", 302, "https://b.example/", b""),
    ]);
    let asks = |url: &str, value: &str| WebRequest {
        headers: vec![("authorization".to_owned(), value.to_owned())],
        ..get(url)
    };
    let answer = fetched(&mut outside(&web), &asks("https://a.example/", "Bearer {{secret:KEY}}")).await;
    assert_eq!(web.asked.lock().unwrap()[0].headers[0].1, "Bearer hunter2");
    let WebAnswer::Response(response) = answer else { panic!("{answer:?}") };
    assert_eq!(response.body, b"you said Bearer {{secret:KEY}}!");
    assert_eq!(response.headers[0].1, "x-{{secret:KEY}}");
    for (url, value) in [
        ("https://b.example/", "{{secret:KEY}}"),
        ("https://a.example/away", "{{secret:KEY}}"),
        ("https://a.example/", "{{secret:OTHER}}"),
        ("https://a.example/", "{{secret:KEY"),
    ] {
        let answer = fetched(&mut outside(&web), &asks(url, value)).await;
        assert!(matches!(answer, WebAnswer::Denied(ref why) if !why.contains("hunter2")), "{url} {value}: {answer:?}");
    }
    let sent = web.asked.lock().unwrap().iter().filter(|asked| asked.url.contains("b.example")).count();
    assert_eq!(sent, 0);
    let another = Outside::new(8, Arc::clone(&web) as Arc<_>, list(&["a.example"]), Arc::new(OneSecret));
    let answer = fetched(&mut { another }, &asks("https://a.example/", "{{secret:KEY}}")).await;
    assert!(matches!(answer, WebAnswer::Denied(_)), "{answer:?}");
}

#[test]
fn a_list_has_hosts_as_urls_have_them() {
    for good in ["a.example", "127.0.0.1:8080", "[2001:db8::1]", "xn--bcher-kva.example", "a.example:444"] {
        list(&[good]);
    }
    for bad in [
        "",
        "A.example",
        "a.example.",
        "https://a.example",
        "a.example/x",
        "a.example:443",
        "a@b.example",
        "*.example",
        "a b",
        "bücher.example",
        "a?b",
        "0x7f.1",
    ] {
        assert!(AllowList::new(vec![bad.to_owned()]).is_err(), "{bad}");
    }
    assert!(AllowList::new(vec![]).is_err());
    assert!(AllowList::new(vec!["a.example".to_owned(); 2]).is_err(), "twice");
    assert!(AllowList::new((0..17).map(|number| format!("h{number}.example")).collect()).is_err());
    assert!(AllowList::new(vec![format!("{}.example", "a".repeat(130))]).is_err());
}

#[test]
fn frames_come_back_and_what_is_over_a_cap_does_not_go_out() {
    let request = WebRequest { headers: vec![("a".into(), "b".into())], body: vec![1], ..get("https://a.example/") };
    assert_eq!(WebRequest::decode(&request.encode().unwrap()), Ok(request.clone()));
    let over = [
        WebRequest { method: "DELETE".into(), ..request.clone() },
        WebRequest { url: "x".repeat(2049), ..request.clone() },
        WebRequest { body: vec![0; (16 << 10) + 1], ..request.clone() },
        WebRequest { headers: vec![("a".into(), "b".into()); 65], ..request.clone() },
        WebRequest { headers: vec![("a".into(), "b".repeat(16 << 10))], ..request },
    ];
    assert!(over.iter().all(|request| request.encode().is_err()));
    let response = |body: usize| {
        WebAnswer::Response(WebResponse { status: 200, headers: vec![("a".into(), "b".into())], body: vec![7; body] })
    };
    assert_eq!(response(MAX_BODY_BYTES + 1).within_caps(), WebAnswer::TooLarge);
    for answer in [
        response(MAX_BODY_BYTES),
        WebAnswer::Denied("no".into()),
        WebAnswer::Timeout,
        WebAnswer::TooLarge,
        WebAnswer::Failed("é".repeat(128)),
    ] {
        assert_eq!(WebAnswer::decode(&answer.encode()), Ok(answer));
    }
    assert!(WebAnswer::decode(&[9]).is_err() && WebAnswer::decode(&[]).is_err());
}
