//! What the documents say.

use alloy::primitives::{Address, B256, Bytes};
use consensus::bls::{SecretKey, Signature, aggregate_signatures};
use consensus::certificate::{Certificate, batch_root};
use consensus::committee::{Committee, KeeperIndex, Member, PeerKey, SignerSet};
use consensus::report::{Anchor, Report};
use consensus::task::{Outcome, Status};
use consensus::time::Time;

use super::support::{due, get, running, sample, task};
use super::*;
use crate::archive::{ArchiveHandle, Change, Entry, Owner};
use crate::scene::Sight;

fn operator(index: u8) -> Address {
    Address::repeat_byte(index + 1)
}

/// Four keepers with a stake of one each, and their keys.
fn committee() -> (Committee, Vec<SecretKey>) {
    let keys: Vec<SecretKey> = (1..=4_u8).map(|seed| SecretKey::generate(&[seed; 32])).collect();
    let members = (0_u8..).zip(&keys).map(|(index, key)| Member {
        operator: operator(index),
        stake: 1,
        peer_key: PeerKey([index; 32]),
        key: key.public_key(),
    });
    (Committee::new(3, 10, B256::repeat_byte(3), members.collect()).unwrap(), keys)
}

fn report(run: u64) -> Report {
    Report {
        task: task(7, run),
        anchor: Anchor { number: 12, hash: B256::repeat_byte(8) },
        input_set: B256::ZERO,
        status: Status::Call,
        outcome_hash: B256::repeat_byte(9),
    }
}

/// A certificate of three of the four on two reports.
fn certificate(scene: &Scene, keys: &[SecretKey]) -> Certificate {
    let reports = vec![report(2), report(3)];
    let digest = scene.domain.batch_digest(3, batch_root(&reports));
    let signers: SignerSet = [0, 1, 3].map(KeeperIndex).into_iter().collect();
    let partials: Vec<Signature> = [0, 1, 3].map(|index| keys[index].sign(digest.as_slice())).to_vec();
    Certificate { epoch: 3, reports, signers, signature: aggregate_signatures(&partials).unwrap() }
}

#[tokio::test]
async fn a_task_is_shown_from_its_due_moment_to_its_certificate() {
    let api = running(sample()).await;
    let (committee, keys) = committee();
    let certificate = Arc::new(certificate(&api.scene, &keys));
    certificate.verify(&committee, &api.scene.domain, 6_667).unwrap();
    api.scene.show(&sample(), Some(Arc::new(committee)));
    api.scene.entry(&due(7, 2));
    for (keeper, at) in [(0, 18_100), (3, 18_200), (0, 18_900), (2, 18_300)] {
        let tasks = vec![task(7, 2), task(7, 3)];
        api.scene.sight(Sight::Heard { tasks, keeper: KeeperIndex(keeper), abstains: keeper == 2, at: Time(at) });
    }
    let outcome = Outcome {
        status: Status::Call,
        data: Bytes::from(vec![1; 3_000]),
        state_after: B256::ZERO,
        transcript: B256::ZERO,
    };
    api.scene.sight(Sight::Outcome { task: task(7, 2), outcome });
    api.scene.sight(Sight::Certified { certificate: Arc::clone(&certificate), at: Time(18_400) });

    let (status, run) = get(api.address, "/api/v1/runs/7.1.2").await;
    assert_eq!((status, &run["state"], &run["due"]), (200, &json!("seen"), &json!(18)), "{run}");
    let marks = json!([
        {"keeper": 0, "at_ms": 18_100, "abstains": false},
        {"keeper": 3, "at_ms": 18_200, "abstains": false},
        {"keeper": 2, "at_ms": 18_300, "abstains": true},
    ]);
    assert_eq!(run["marks"], marks, "one mark a keeper, in the order in which they were heard");
    assert_eq!(run["outcome"]["bytes"], 3_000);
    assert_eq!(run["outcome"]["data"].as_str().unwrap().len(), 2 + 2 * 1_024, "cut");
    assert_eq!(run["certificate"]["signers"], json!([0, 1, 3]));

    let (status, shown) = get(api.address, "/api/v1/certificates/7.1.3").await;
    assert_eq!((status, &shown["position"], &shown["epoch"]), (200, &json!(1), &json!(3)));
    assert_eq!(shown["root"], json!(batch_root(&certificate.reports)));
    assert_eq!(shown["table"]["members"][1]["stake"], "1");
    assert_eq!(shown["table"]["members"][1]["key"].as_str().unwrap().len(), 2 + 2 * 96);
    assert_eq!(get(api.address, "/api/v1/certificates/7.1.9").await.0, 404);

    let (_, operators) = get(api.address, "/api/v1/operators").await;
    let of = |index: u8| {
        let all = operators["operators"].as_array().unwrap();
        all.iter().find(|each| each["operator"] == json!(operator(index))).unwrap()["seen"].clone()
    };
    assert_eq!((&of(1)["certificates"], &of(1)["signed"]), (&json!(1), &json!(1)));
    assert_eq!((&of(2)["certificates"], &of(2)["signed"], &of(2)["abstained"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!((&of(3)["spoke"], &of(3)["late_ms"]), (&json!(1), &json!(200)));
}

#[tokio::test]
async fn names_that_are_no_tasks_are_refused_and_unknown_ones_not_found() {
    let api = running(sample()).await;
    for key in ["7", "7.1", "7.1.2.3", "x.1.2", "7.1.-1", "7.1.0xzz", "7.1.", "99999999999999999999999.1.1"] {
        assert_eq!(get(api.address, &format!("/api/v1/runs/{key}")).await.0, 400, "{key}");
        assert_eq!(get(api.address, &format!("/api/v1/certificates/{key}")).await.0, 400, "{key}");
    }
    assert_eq!(get(api.address, "/api/v1/runs/7.1.2").await.0, 404);
    let hash = format!("7.1.{}", B256::repeat_byte(1));
    assert_eq!(get(api.address, &format!("/api/v1/runs/{hash}")).await.0, 404);
    assert_eq!(get(api.address, "/api/v1/jobs/8").await.0, 404);
    assert_eq!(get(api.address, "/api/v1/jobs/7").await.1["job"]["id"], 7);
}

#[tokio::test]
async fn what_is_recorded_is_read_from_the_file_and_no_more_of_it_than_there_is_room_for() {
    let api = running(sample()).await;
    assert_eq!(get(api.address, "/api/v1/jobs/7/runs").await.0, 404, "there is no record yet");
    let owner = Owner { domain: B256::ZERO, operator: operator(0) };
    let (archive, thread) = ArchiveHandle::spawn(api.folder.path().join("runs.sqlite"), owner);
    for run in 0..700 {
        let change = Change::Due { due: 1_000 + run };
        archive.note(Entry { task: task(7, run), at: Time(5), change });
    }
    drop(archive);
    thread.join().unwrap();
    let (_, document) = get(api.address, "/api/v1/jobs/7/runs").await;
    assert_eq!(document["runs"].as_array().unwrap().len(), 100);
    assert_eq!(document["runs"][0]["run"], 699, "the last due first");
    let (_, document) = get(api.address, "/api/v1/jobs/7/runs?limit=100000&before=1600").await;
    assert_eq!(document["runs"].as_array().unwrap().len(), 500, "500 at most");
    assert_eq!(document["runs"][0]["run"], 599);
    let (_, document) = get(api.address, "/api/v1/jobs/7/runs?limit=3&after=7.1.600").await;
    let runs: Vec<&Value> = document["runs"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(runs, [599, 598, 597], "the next page begins behind it");
    for nonsense in ["7.1", "8.1.600", "%3Cimg%3E"] {
        let path = format!("/api/v1/jobs/7/runs?after={nonsense}");
        assert_eq!(get(api.address, &path).await.0, 400, "{nonsense}");
    }
    let (status, run) = get(api.address, "/api/v1/runs/7.1.5").await;
    assert_eq!((status, &run["due"], &run["marks"]), (200, &json!(1_005), &json!([])));
}

/// Every path of the description answers, and every document has what the description says that it must have.
#[tokio::test]
async fn the_description_fits_the_documents() {
    let api = running(sample()).await;
    let (committee, keys) = committee();
    let certificate = Arc::new(certificate(&api.scene, &keys));
    api.scene.show(&sample(), Some(Arc::new(committee)));
    api.scene.entry(&due(7, 2));
    api.scene.sight(Sight::Certified { certificate, at: Time(18_400) });
    let (_, description) = get(api.address, "/api/v1/openapi.json").await;
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() >= 12);
    for (path, item) in paths {
        let schema = item.pointer("/get/responses/200/content/application~1json/schema");
        let Some(schema) = schema.filter(|_| !path.ends_with("/runs") || path == "/api/v1/runs") else { continue };
        let path = path.replace("{id}", "7").replace("{key}", "7.1.2");
        let (status, document) = get(api.address, &path).await;
        assert_eq!(status, 200, "{path}");
        if path.starts_with("/api/v1/runs/") {
            continue; // What is recorded is looked at where there is a record.
        }
        lacks_nothing(&path, &description, schema, &document);
    }
}

fn lacks_nothing(place: &str, description: &Value, schema: &Value, value: &Value) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = description.pointer(name.trim_start_matches('#')).unwrap();
        return lacks_nothing(place, description, schema, value);
    }
    for each in schema["allOf"].as_array().into_iter().flatten() {
        lacks_nothing(place, description, each, value);
    }
    for (name, each) in schema["properties"].as_object().into_iter().flatten() {
        let found = value.get(name).unwrap_or_else(|| panic!("{place} lacks {name}: {value}"));
        lacks_nothing(&format!("{place}/{name}"), description, each, found);
    }
    for each in value.as_array().into_iter().flatten().take(2) {
        lacks_nothing(place, description, &schema["items"], each);
    }
}
