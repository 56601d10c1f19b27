//! Only configured names bind, in every spelling a client may send.

use super::*;

fn config(listen: &str, hosts: &[&str]) -> Config {
    let mut config = Config::loopback("d");
    config.listen = listen.parse().unwrap();
    config.hosts = hosts.iter().map(|&h| h.to_owned()).collect();
    config
}

#[test]
fn case_and_port_do_not_matter_and_other_names_are_refused() {
    let hosts = Hosts::from_config(&config("0.0.0.0:1", &["Relay.Example"])).unwrap();
    let binding = hosts.binding("relay.example").unwrap();
    assert_eq!(hosts.binding("RELAY.example:9750"), Some(binding));
    assert_eq!(hosts.binding("evil.example"), None);
    assert_eq!(hosts.binding("localhost"), None);
    assert_eq!(hosts.binding(""), None);
}

#[test]
fn loopback_knows_its_own_names() {
    let hosts = Hosts::from_config(&config("127.0.0.1:1", &[])).unwrap();
    for name in [
        "localhost",
        "localhost:80",
        "127.0.0.1:9750",
        "[::1]:9750",
        "[::1]",
    ] {
        assert!(hosts.binding(name).is_some(), "{name}");
    }
    assert_ne!(hosts.binding("localhost"), hosts.binding("127.0.0.1"));
}

#[test]
fn a_public_address_needs_a_name_and_a_name_must_be_one() {
    assert!(matches!(
        Hosts::from_config(&config("0.0.0.0:1", &[])),
        Err(HostsError::Missing)
    ));
    for wrong in ["https://relay.example", "relay.example:443", "a b", ""] {
        let refused = Hosts::from_config(&config("0.0.0.0:1", &[wrong]));
        assert!(matches!(refused, Err(HostsError::NotAName(_))), "{wrong}");
    }
}
