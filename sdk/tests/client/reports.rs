//! Reports about somebody, for the app to send.

use undertone::{ContactState, ReportError, ReportTarget};

use crate::support::World;

#[tokio::test]
async fn a_report_has_what_the_user_saw_and_blocks_when_that_is_wanted() {
    let world = World::new().await;
    let (mut alice, bob) = world.friends().await;
    bob.say("something foul").await;
    let foul = alice.message("something foul", |_| true).await;
    alice.say("please stop").await;
    let contact = foul.sender.unwrap();
    let report = alice
        .client
        .report(ReportTarget::Message(foul.id), false)
        .await
        .unwrap();
    assert_eq!(report.about, bob.client.account().await.unwrap());
    assert_eq!(report.messages.len(), 1);
    let json = report.to_json();
    assert!(json.contains("something foul") && json.contains(&report.about.to_text()));

    let own = alice.message("please stop", |_| true).await;
    let refused = alice
        .client
        .report(ReportTarget::Message(own.id), true)
        .await;
    assert_eq!(refused, Err(ReportError::NothingToReport));
    let report = alice
        .client
        .report(ReportTarget::Contact(contact), true)
        .await
        .unwrap();
    let texts: Vec<_> = report
        .messages
        .iter()
        .map(|message| message.post.as_ref().unwrap().text.as_str())
        .collect();
    assert_eq!(texts, ["hello", "something foul"]);
    let state = alice.client.contact(contact).await.unwrap().unwrap().state;
    assert_eq!(state, ContactState::Blocked);
    // Again, of somebody who is blocked.
    alice
        .client
        .report(ReportTarget::Contact(contact), true)
        .await
        .unwrap();
}
