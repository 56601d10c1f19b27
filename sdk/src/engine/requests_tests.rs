use undertone_protocol::relay_address::RelayAddress;

use super::*;

fn lookup() -> Lane {
    Lane::Lookup(RelayAddress::parse("https://relay.example").unwrap())
}

#[test]
fn an_answer_counts_on_the_connection_of_its_request_only() {
    let mut requests = Requests::after(7);
    let id = requests.begin(&Lane::Own, Purpose::Login, 0);
    assert_eq!(requests.finish(&lookup(), id), None);
    assert_eq!(requests.finish(&Lane::Own, id + 1), None);
    // It still waits, and is answered once.
    assert_eq!(requests.finish(&Lane::Own, id), Some(Purpose::Login));
    assert_eq!(requests.finish(&Lane::Own, id), None);
}
