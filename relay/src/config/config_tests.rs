//! Layers, refusals, and the shape of the messages.

use std::io::Write;

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flags(data: &str) -> Flags {
    Flags {
        data: Some(data.into()),
        ..Flags::default()
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let toml =
        file("data = \"from-file\"\nlisten = \"127.0.0.1:1\"\nadmin = \"off\"\nblob_max_mib = 7\n");
    let config = Config::load(Some(toml.path()), &flags("from-flag")).unwrap();
    assert_eq!(config.data, PathBuf::from("from-flag"));
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.admin, None);
    assert_eq!(config.blob_max_mib, 7);
    assert_eq!(config.max_connections, Config::new("x").max_connections);
}

#[test]
fn an_unknown_key_is_refused_by_name_on_one_line() {
    let toml = file("data = \"d\"\nlissten = \"127.0.0.1:1\"\n");
    let message = Config::load(Some(toml.path()), &Flags::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("lissten"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_by_name() {
    let toml = file("data = \"d\"\nmax_connections = \"many\"\n");
    let message = Config::load(Some(toml.path()), &Flags::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("max_connections"), "{message}");
}

#[test]
fn a_missing_file_and_a_missing_directory_are_told_apart() {
    let missing = Config::load(Some(Path::new("/nonexistent/relay.toml")), &flags("d"));
    assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
    let nowhere = Config::load(None, &Flags::default());
    assert!(matches!(nowhere, Err(ConfigError::NoDataDirectory)));
}

#[test]
fn the_admin_address_can_be_turned_off_by_a_flag() {
    let off = Flags {
        admin: Some("off".into()),
        ..flags("d")
    };
    assert_eq!(Config::load(None, &off).unwrap().admin, None);
    let wrong = Flags {
        admin: Some("here".into()),
        ..flags("d")
    };
    assert!(matches!(
        Config::load(None, &wrong),
        Err(ConfigError::Invalid(_))
    ));
}

#[test]
fn a_mailbox_holds_what_the_specification_says_unless_the_operator_says_otherwise() {
    let config = Config::new("d");
    assert_eq!(config.mailbox_quota_messages, 10_000);
    assert_eq!(config.mailbox_quota_mib, 64);
    let toml = file("data = \"d\"\nmailbox_quota_messages = 7\nmailbox_quota_mib = 2\n");
    let config = Config::load(Some(toml.path()), &Flags::default()).unwrap();
    assert_eq!(config.mailbox_quota_messages, 7);
    assert_eq!(config.mailbox_quota_mib, 2);
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    let wrong = [
        "max_connections = 0",
        "max_waiting_mib = 0",
        "store_quota_mib = 0",
        "mailbox_quota_messages = 0",
        "mailbox_quota_mib = 18446744073709",
        "blob_max_mib = 0",
        "envelope_days = 31",
        "envelope_days = 0",
        "mailbox_days = 44",
        "blob_days = 0",
        "knock_difficulty = 21",
        "knock_difficulty = 7",
        "knock_quota = 0",
        "invite_quota = 0",
        "connection_requests_per_second = 0",
        "source_requests_per_second = 0",
        "all_requests_per_second = 0",
        "mailbox_envelopes_per_second = 0",
        "source_mailboxes_per_hour = 0",
        "source_records_per_hour = 0",
        "source_prekeys_per_hour = 0",
        "source_blobs_per_hour = 0",
        "drain_seconds = 3601",
    ];
    Config::new("d").check().unwrap();
    for line in wrong {
        let toml = file(&format!("data = \"d\"\n{line}\n"));
        let config = Config::load(Some(toml.path()), &Flags::default()).unwrap();
        let message = config.check().unwrap_err().to_string();
        let key = line.split(' ').next().unwrap();
        assert!(message.starts_with(&format!("{key} is ")), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
}

#[test]
fn the_defaults_are_those_of_the_service() {
    assert_eq!(Config::new("d").service(), ServiceConfig::default());
    let closed = Config {
        limit_rates: false,
        ..Config::new("d")
    };
    assert_eq!(closed.service(), ServiceConfig::without_rates());
}

#[test]
fn each_setting_of_the_service_reaches_it() {
    let lines = [
        "accept_new_mailboxes = false",
        "knock_difficulty = 12",
        "mailbox_quota_messages = 11",
        "mailbox_quota_mib = 3",
        "knock_quota = 5",
        "invite_quota = 6",
        "envelope_days = 7",
        "mailbox_days = 50",
        "connection_requests_per_second = 1",
        "source_requests_per_second = 2",
        "all_requests_per_second = 3",
        "mailbox_envelopes_per_second = 4",
        "source_mailboxes_per_hour = 5",
        "source_records_per_hour = 6",
        "source_prekeys_per_hour = 7",
        "source_blobs_per_hour = 8",
    ];
    let mut seen = vec![ServiceConfig::default()];
    let mut toml = "data = \"d\"\n".to_owned();
    for line in lines {
        toml.push_str(line);
        toml.push('\n');
        let config = Config::load(Some(file(&toml).path()), &Flags::default()).unwrap();
        config.check().unwrap();
        let service = config.service();
        assert!(!seen.contains(&service), "{line} changes nothing");
        seen.push(service);
    }
    let last = seen.pop().unwrap();
    assert_eq!(last.retention.envelope_ms, 7 * 24 * 60 * 60 * 1000);
    assert_eq!(last.source_new_blobs, crate::service::Rate::hourly(8));
    assert_eq!(last.connection_requests, crate::service::Rate::new(4, 1));
}

#[test]
fn the_readme_names_every_key() {
    let readme = include_str!("../../README.md");
    let shown = format!("{:?}", Config::new("d"));
    let keys = shown.trim_start_matches("Config { ").split(", ");
    let keys: Vec<&str> = keys
        .filter_map(|field| field.split_once(": ").map(|(key, _)| key))
        .collect();
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        assert!(readme.contains(&format!("`{key}`")), "{key}");
    }
}
