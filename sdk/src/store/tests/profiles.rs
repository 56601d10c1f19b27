//! Contacts' profiles: what they told, what was found, and names.

use undertone_protocol::profile::{Profile, ProfileDigest};

use super::support::*;
use crate::store::*;

fn told(digest: u8) -> ToldProfile {
    ToldProfile {
        record_key: [digest; 32],
        digest: ProfileDigest([digest; 16]),
        order: [digest; 16],
        shows_last_seen: digest == 1,
    }
}

fn ada() -> Profile {
    Profile {
        name: "Ada".to_owned(),
        about: "engines".to_owned(),
        avatar: vec![1, 2, 3],
    }
}

#[test]
fn a_profile_is_told_looked_for_and_held() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (contact, other) = (peer(&tx, 1).contact, peer(&tx, 2).contact);
    let profiles = tx.profiles();
    assert_eq!(profiles.get(contact).unwrap(), None);
    profiles
        .tell(contact, &told(1), Some(NOW.plus(10)))
        .unwrap();
    profiles.tell(other, &told(2), None).unwrap();
    assert_eq!(profiles.due(NOW.plus(9), NOW.plus(20)).unwrap(), []);
    assert_eq!(profiles.due(NOW.plus(10), NOW.plus(20)).unwrap(), [contact]);
    // A time that only a wrong clock can have set.
    assert_eq!(profiles.due(NOW, NOW.plus(5)).unwrap(), [contact]);
    profiles.tried(contact, Some(NOW.plus(30))).unwrap();
    let row = profiles.get(contact).unwrap().unwrap();
    assert_eq!(
        (row.tries, row.due, row.held),
        (1, Some(NOW.plus(30)), None)
    );
    assert_eq!(row.told, told(1));
    assert_eq!(profiles.shown(contact).unwrap(), None);
    profiles.hold(contact, told(1).digest, &ada()).unwrap();
    let shown = profiles.shown(contact).unwrap().unwrap();
    assert_eq!((&*shown.name, &*shown.about), ("Ada", "engines"));
    assert_eq!(shown.picture_of, Some(told(1).digest));
    assert_eq!(profiles.avatar(contact).unwrap(), Some(ada().avatar));
    assert_eq!(profiles.all_shown().unwrap(), [shown]);
    assert_eq!(profiles.due(NOW.plus(99), NOW.plus(99)).unwrap(), []);
    // What is told anew is looked for anew, and what is held stays until then.
    profiles.tell(contact, &told(3), Some(NOW)).unwrap();
    let row = profiles.get(contact).unwrap().unwrap();
    assert_eq!((row.tries, row.held), (0, Some(told(1).digest)));
    let plain = Profile {
        avatar: Vec::new(),
        ..ada()
    };
    profiles.hold(contact, told(3).digest, &plain).unwrap();
    assert_eq!(profiles.avatar(contact).unwrap(), None);
    let shown = profiles.shown(contact).unwrap().unwrap();
    assert_eq!(shown.picture_of, None);
    tx.messages()
        .remove_conversation(tx.conversations().of_contact(contact).unwrap().unwrap().id)
        .unwrap();
    tx.contacts().remove(contact).unwrap();
    assert_eq!(
        profiles.get(contact).unwrap(),
        None,
        "it goes with its contact"
    );
}

#[test]
fn when_a_contact_was_there_never_moves_back() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let contact = peer(&tx, 1).contact;
    let profiles = tx.profiles();
    assert!(!profiles.seen(contact, NOW).unwrap(), "it told of nothing");
    profiles.tell(contact, &told(1), None).unwrap();
    assert!(profiles.seen(contact, NOW.plus(5)).unwrap());
    assert!(!profiles.seen(contact, NOW).unwrap());
    let row = profiles.get(contact).unwrap().unwrap();
    assert_eq!(row.last_seen, Some(NOW.plus(5)));
}
