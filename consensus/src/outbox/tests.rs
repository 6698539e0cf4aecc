//! What machines gave back, in short words, for tables in the tests.

use super::*;
use crate::effect::Step;
use crate::message::Channel;
use crate::time::Time;

/// Everything in the line, one short text each.
pub(crate) fn texts(outbox: &mut Outbox) -> Vec<String> {
    outbox.take().into_iter().map(text).collect()
}

fn text(item: Item) -> String {
    match item {
        Item::Effect(effect) => effect_text(effect),
        Item::At(Time(at), wake) => format!("at {at} {}", wake_text(wake)),
        Item::WithNextBlock(wake) => format!("with next block {}", wake_text(wake)),
        Item::Notice(notice) => match notice {
            Notice::Opened { window, attempt, .. } => format!("opened {attempt} in {window}"),
            Notice::Begun(_, attempt) => format!("begun {attempt}"),
            Notice::TaskEnded(_) => "task ended".to_owned(),
            Notice::Assigned(..) => "assigned".to_owned(),
            Notice::BasisFound(_) => "basis found".to_owned(),
            Notice::LookAtBatch(_) => "look at batch".to_owned(),
            Notice::LookAtWindow(window) => format!("look at window {window}"),
            Notice::BatchEnded(_) => "batch ended".to_owned(),
            Notice::Said { signer, .. } => format!("{} said", signer.0),
            Notice::Certified(certificate) => format!("certified by {}", certificate.signers.count()),
            Notice::ListeningEnded => "listening ended".to_owned(),
        },
    }
}

fn effect_text(effect: Effect) -> String {
    match effect {
        Effect::Execute { attempt, anchor, .. } => format!("execute {attempt} at {}", anchor.number),
        Effect::Observe { attempt, anchor, .. } => format!("observe {attempt} at {}", anchor.number),
        Effect::Decide { attempt, inputs, .. } => format!("decide {attempt} on {}", inputs.seen.len()),
        Effect::Persist { token, records } => format!("persist {} as {}", records.len(), token.0),
        Effect::Broadcast { channel: Channel::Assignments, .. } => "send assignment".to_owned(),
        Effect::Broadcast { channel: Channel::Partials, .. } => "send partial".to_owned(),
        Effect::Broadcast { channel: Channel::Certificates, .. } => "send certificate".to_owned(),
        Effect::Broadcast { channel: Channel::Observations, .. } => "send observation".to_owned(),
        Effect::Broadcast { channel: Channel::Evidence, .. } => "send evidence".to_owned(),
        Effect::Send { peers, .. } => format!("send straight to {}", peers.len()),
        Effect::FallBack { .. } => "fall back".to_owned(),
        Effect::Judge { source: Source::Straight(message, _), verdict } => format!("judge {} {verdict:?}", message.0),
        Effect::Judge { source: Source::Gossip(message), verdict } => format!("judge {} {verdict:?}", message.0),
        Effect::Judge { source: Source::Answer(_), verdict } => format!("judge an answer {verdict:?}"),
        Effect::Ask { peer, .. } => if peer.is_some() { "ask a peer" } else { "ask" }.to_owned(),
        Effect::Broadcast { channel: Channel::Rulings, .. } => "send ruling".to_owned(),
        Effect::Rerun { dispute, .. } => format!("rerun for {dispute}"),
        Effect::Rule(ruling) => format!("rule on {} by {}", ruling.dispute, ruling.signers.count()),
        Effect::Enforce { dispute } => format!("enforce {dispute}"),
        Effect::Submit(settlement) => format!("submit, takeover {}", settlement.takeover),
        Effect::Report(_, Step::Started { .. }) => "started".to_owned(),
        Effect::Report(_, step) => format!("{step:?}").to_lowercase(),
        Effect::Assigned { window, stage } => format!("assigned {window} at {stage}"),
        Effect::Blame(fault) => format!("blame {fault:?}"),
        Effect::Contradicted(_) => "contradicted".to_owned(),
        Effect::Keep(_) => "keep".to_owned(),
        Effect::Heard { keeper, .. } => format!("heard {}", keeper.0),
        Effect::Certified(certificate) => format!("certified by {}", certificate.signers.count()),
        Effect::Unknown(tasks) => format!("{} tasks are unknown", tasks.len()),
        Effect::Recall { listening, .. } => format!("recall, listening {listening}"),
    }
}

fn wake_text(wake: Wake) -> String {
    match wake {
        Wake::Session(_) => "session".to_owned(),
        Wake::Batch(_) => "batch".to_owned(),
        Wake::Window(window) => format!("window {window}"),
        Wake::Held => "held".to_owned(),
        Wake::Start => "start".to_owned(),
        Wake::Dispute(id) => format!("dispute {id}"),
    }
}
